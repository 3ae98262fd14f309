"""Files that a person names: regular ones up to a size are read, a device, a FIFO or a flood is refused at once wherever one can be named."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from collector.config import load_config
from collector.errors import ConfigError
from firmware_config.base.files import read_regular
from firmware_config.check import load_station
from firmware_config.errors import StationFileError
from simulators.errors import FaultFileError
from simulators.faults.timeline import Timeline
from tests.conftest import ROOT

BUOY = ROOT / "firmware_config/stations/zhoushan-buoy"


@pytest.fixture(params=["device", "fifo", "folder"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "station.yaml"
    if request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    return path


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert read_regular(path, 3) == b"abc"
    with pytest.raises(OSError, match="larger than 2 bytes") as caught:
        read_regular(path, 2)
    assert caught.value.errno == errno.EFBIG


def test_a_file_that_tells_no_size_is_still_held_to_the_limit() -> None:
    assert Path("/proc/self/smaps").stat().st_size == 0
    with pytest.raises(OSError, match="larger than 100 bytes"):
        read_regular(Path("/proc/self/smaps"), 100)


def test_what_is_no_regular_file_is_no_station_file(no_file: Path) -> None:
    with pytest.raises(StationFileError, match=r"station\.yaml:1: .*not a regular file"):
        load_station(no_file)


def test_what_is_no_regular_file_is_no_site(no_file: Path) -> None:
    shutil.copy(BUOY / "station.yaml", no_file.parent / "buoy.yaml")
    no_file.rename(no_file.parent / "site.geojson")
    with pytest.raises(StationFileError, match=r"site\.geojson:1: .*not a regular file"):
        load_station(no_file.parent / "buoy.yaml")


def test_what_is_no_regular_file_is_no_timeline_and_no_settings(no_file: Path) -> None:
    with pytest.raises(FaultFileError, match="not a regular file"):
        Timeline(no_file, {}, {}, 0.0)
    with pytest.raises(ConfigError, match="not a regular file"):
        load_config(no_file)
