"""The world's clock: shared, scaled, never going back."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path

import pytest

from firmware_config.base.clock import ENVIRONMENT, SystemClock, WorldClock, WorldClockFile, open_clock

START = 1_800_000_000_000


def test_runs_at_its_speed_from_its_origin(tmp_path: Path) -> None:
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(60.0, START)
    clock = WorldClock(file.path)
    real, world = time.monotonic(), clock.now_ms()
    assert 0 <= world - START < 60_000
    while time.monotonic() < real + 0.2:
        pass
    passed_real = time.monotonic() - real
    assert clock.now_ms() - world == pytest.approx(passed_real * 60e3, rel=0.02)
    assert clock.speed == 60.0


def test_all_readers_of_one_file_agree(tmp_path: Path) -> None:
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(200.0, START)
    one, two = WorldClock(file.path), WorldClock(file.path, "st")
    at = time.monotonic()
    assert one.ms_at(at) == two.ms_at(at)


def test_a_later_start_never_goes_back_even_after_a_kill(tmp_path: Path) -> None:
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(500.0, START)
    clock = WorldClock(file.path)
    file.keep()
    reached = clock.now_ms()
    file.start(1.0, START)  # nobody said goodbye
    assert WorldClock(file.path).now_ms() >= reached


@pytest.mark.parametrize("trouble", ["unreadable", "no document"])
def test_a_clock_that_cannot_be_read_is_not_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(500.0, START)
    reached = file.path.read_text()

    def read_text(path: Path, **rest: str) -> str:
        if trouble == "unreadable":
            raise OSError(errno.EMFILE, "Too many open files")
        return "{"

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", read_text)
        for edit in (file.keep, lambda: file.start(1.0, 0), lambda: file.set_speed(1.0)):
            with pytest.raises(OSError, match=r"Too many|holds no world's clock"):
                edit()
    assert file.path.read_text() == reached


def test_changing_the_speed_keeps_time_continuous(tmp_path: Path) -> None:
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(100.0, START)
    before = json.loads(file.path.read_text())
    file.set_speed(10.0)
    after = json.loads(file.path.read_text())
    there = before["world_ms"] + (after["monotonic_s"] - before["monotonic_s"]) * 1e3 * 100.0
    assert after["world_ms"] == pytest.approx(there, abs=1e-3)


def test_the_slowest_wish_holds_and_ends_with_who_had_it(tmp_path: Path) -> None:
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(60.0, START)

    def speed() -> float:
        return float(json.loads(file.path.read_text())["speed"])

    file.limit("a", 20.0)
    file.limit("b", 5.0)
    assert speed() == 5
    file.limit("b", None)
    assert speed() == 20
    file.limit("a", 90.0)
    assert speed() == 60
    file.limit("a", 20.0)
    world = json.loads(file.path.read_text())
    world["limits"]["a"][1] -= file.LAPSE_S  # who asked was killed that long ago
    file.path.write_text(json.dumps(world))
    file.keep()
    assert speed() == 60


def test_one_station_can_have_a_wrong_clock_while_the_world_goes_on(tmp_path: Path) -> None:
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(1.0, START)
    file.set_fault("st", offset_ms=-START, quality="unset")
    faulty, healthy = WorldClock(file.path, "st"), WorldClock(file.path, "other")
    assert faulty.now_ms() < 60_000
    assert faulty.quality() == "unset"
    assert healthy.now_ms() >= START
    assert healthy.quality() == "synchronised"
    assert faulty.monotonic() == pytest.approx(healthy.monotonic(), abs=1.0), "ages do not see the fault"


async def test_sleep_is_in_world_seconds(tmp_path: Path) -> None:
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(1000.0, START)
    clock = WorldClock(file.path)
    begun = clock.monotonic()
    await clock.sleep(30.0)
    assert clock.monotonic() - begun >= 30.0


def test_the_environment_chooses_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert isinstance(open_clock(), SystemClock)
    WorldClockFile(tmp_path / "c.json").start(1.0, START)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "c.json"))
    assert isinstance(open_clock("x"), WorldClock)


def test_the_system_clock_never_claims_more_than_the_kernel_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware_config.base import clock as module

    clock = SystemClock()
    monkeypatch.setattr(module, "_kernel_synchronised", lambda: False)
    monkeypatch.setattr(clock, "now_ms", lambda: 86_400_000)  # a dead RTC: January 1970
    assert clock.quality() == "unset"
    other = SystemClock()
    assert other.quality() == "holdover"
    monkeypatch.setattr(module, "_kernel_synchronised", lambda: True)
    assert SystemClock().quality() == "synchronised"
