"""A log that cannot be written must not stop what it speaks of."""

from __future__ import annotations

import io
import os
import sys

import pytest
import structlog

from firmware_config.base import log


@pytest.fixture(autouse=True)
def as_before():
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_lines_go_to_standard_error_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    log.set_up("one")
    later = io.StringIO()
    monkeypatch.setattr(sys, "stderr", later)
    log.get("room").warning("disk is full", free=0)
    assert "disk is full" in later.getvalue()
    assert "free=0" in later.getvalue()


def test_a_closed_or_broken_standard_error_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    monkeypatch.setattr(sys, "stderr", closed)
    log.set_up("two")
    closed.close()
    log.get("room").error("nobody reads this")
    reader, writer = os.pipe()
    os.close(reader)
    broken = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stderr", broken)
    log.get("room").error("nor this")
    monkeypatch.undo()
    with pytest.raises(BrokenPipeError):
        broken.close()  # the pipe really was broken
