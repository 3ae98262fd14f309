"""A station at 200 times real time: every sample is there, once and in order, however much the machine has to do; the world waits for it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import serial

from tests.simulators.conftest import gill_rows, licor_rows

SPEED = 200.0
HELD_UP_AT = 20
SAMPLES = 3000
"""five minutes at 10 Hz"""


async def collect(bench, tmp_path: Path, places: dict[str, str], *, hold_up_s: float = 0.0) -> tuple[bytes, bytes]:
    """What sonic and analyser send until both have given so many records; ``hold_up_s``: the whole process sleeps so long, once."""
    port = serial.Serial(str(tmp_path / "ports/sonic"), 38400, timeout=0)
    host, _, number = places["irga"].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(number))
    wind, gas, turns = bytearray(), bytearray(), 0
    async with asyncio.timeout(60):
        while wind.count(b"\n") < SAMPLES or gas.count(b"\n") < SAMPLES:
            wind += port.read(65_536)
            gas += await reader.read(65_536)
            turns += 1
            if hold_up_s and turns == HELD_UP_AT:
                time.sleep(hold_up_s)  # noqa: ASYNC251 (that is the point: nothing runs)
    writer.close()
    port.close()
    return bytes(wind), bytes(gas)


async def served(make_bench, tmp_path: Path, hold_up_s: float) -> tuple[bytes, bytes, dict]:
    bench = make_bench(speed=SPEED, world={"instruments": {"sonic": {"noise": False}}})
    stop = asyncio.Event()
    places = await bench.start()
    task = asyncio.create_task(bench.run(stop))
    try:
        wind, gas = await collect(bench, tmp_path, places, hold_up_s=hold_up_s)
    finally:
        stop.set()
        await task
    return wind, gas, bench.statistics()


def complete(wind: bytes, gas: bytes, counts: dict) -> None:
    """The analyser's counter without a gap, and nothing lost between instrument and reader on either line."""
    numbers = licor_rows(gas)[:, 0]
    assert len(numbers) >= SAMPLES
    assert np.all(np.diff(numbers) == 1)
    assert len(gill_rows(wind)) >= wind.count(b"\n") - 1, "but for one cut at the end every record is whole"
    for link in ("sonic", "irga"):
        assert counts[link][link]["overrun"] == 0
        assert counts[link]["bytes_lost"] == 0


async def test_at_200_times_no_sample_is_skipped(make_bench, tmp_path) -> None:
    complete(*await served(make_bench, tmp_path, 0.0))


async def test_a_machine_that_stumbles_slows_the_world_and_skips_nothing(make_bench, tmp_path) -> None:
    """0.4 s without processor are 80 s of the world: they are made up for, and the clock was told to slow down."""
    wind, gas, counts = await served(make_bench, tmp_path, 0.4)
    complete(wind, gas, counts)
    assert counts["world"]["cuts"] > 0
