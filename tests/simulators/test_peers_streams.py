"""Our streams read by programs of others: the position receiver's by gpsd, the motion sensor's by its maker's library."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from math import hypot
from pathlib import Path
from typing import Any

import pytest

from edge.instruments import StreamDriver, make_driver
from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.cards import load_card
from firmware_config.station import Station
from simulators.serve.station import Plan, StationBench
from simulators.servers import free_port
from simulators.world import WorldConfig
from tests.simulators.conftest import T0_MS, station_dict

READER = Path(__file__).with_name("mscl_reader.py")
PACKETS = 60
TIME = "gpsCorrelTimestampTow"
THREES = {"scaledAccel": "accel_g", "scaledGyro": "gyro_rads"}


def station() -> Station:
    """A buoy with a position receiver on a serial line and a motion sensor behind TCP."""
    links = [
        {"id": "gnss", "kind": "serial", "port": "/dev/null", "baud": 9600},
        {"id": "motion", "kind": "tcp", "host": "localhost", "port": 5000},
    ]
    base = {"place": "mast", "serial_number": "1", "mounting": {"height_m": 4.0}}
    instruments = [
        {"id": "gnss", "model": "gps_nmea0183", "link": "gnss", "every": "1s", **base},
        {"id": "motion", "model": "microstrain_mip", "link": "motion", "rate": "20 Hz", **base},
    ]
    changes: dict[str, Any] = {"links": links, "instruments": instruments, "products": [], "platform": "buoy", "surface": "seawater"}
    return Station.model_validate(station_dict(**changes))


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[StationBench, dict[str, str]]]:
    file = WorldClockFile(folder / "clock.json")
    file.start(1.0, T0_MS)
    config = WorldConfig.model_validate({"schema": 1, "seed": 11})
    bench = StationBench(station(), Plan(folder / "ports", config, clock_file=file), WorldClock(file.path))
    places = await bench.start()
    stop = asyncio.Event()
    running = asyncio.create_task(bench.run(stop))
    try:
        yield bench, places
    finally:
        stop.set()
        await running


@pytest.mark.needs("gpsd", "gpspipe")
async def test_gpsd_takes_our_nmea_stream_for_a_receiver_at_the_buoy(tmp_path: Path) -> None:
    """Protocol, fix, place, height and time, as gpsd makes them of our bytes."""
    async with served(tmp_path) as (bench, places):
        port = free_port()
        command = ["gpsd", "-N", "-n", "-b", "-S", str(port), places["gnss"]]
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        daemon = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            reports = await reports_of(port, "TPV", 4)
        finally:
            daemon.terminate()
            await daemon.communicate()
        now_s = bench.now_ms() / 1e3
    fix = reports["TPV"][-1]
    assert reports["DEVICE"][-1]["driver"] == "NMEA0183"
    assert fix["mode"] >= 2
    position = bench.station.position
    north_m = (fix["lat"] - position.latitude_deg) * 111_195
    east_m = (fix["lon"] - position.longitude_deg) * 111_195 * 0.86
    assert hypot(north_m, east_m) < 120, "within the swing of its mooring"
    assert fix["altMSL"] == pytest.approx(4.0, abs=3.0)
    assert abs(now_s - datetime.fromisoformat(fix["time"].replace("Z", "+00:00")).timestamp()) < 6.0
    assert "speed" in fix


async def reports_of(port: int, kind: str, wanted: int) -> dict[str, list[dict[str, Any]]]:
    """What gpspipe prints until it has so many reports of one kind with a fix; gpsd is asked again until it is up."""
    found: dict[str, list[dict[str, Any]]] = {}
    async with asyncio.timeout(40):
        while True:
            pipe = await asyncio.create_subprocess_exec(
                "gpspipe", "-w", f"127.0.0.1:{port}", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert pipe.stdout is not None
            while line := await pipe.stdout.readline():
                report = json.loads(line)
                found.setdefault(report["class"], []).append(report)
                if report["class"] == "DEVICES" and report["devices"]:
                    found.setdefault("DEVICE", []).append(report["devices"][0])
                if sum("lat" in one for one in found.get(kind, [])) >= wanted:
                    pipe.terminate()
                    await pipe.wait()
                    return found
            await pipe.wait()
            await asyncio.sleep(0.2)


@pytest.mark.needs("mscl")
async def test_the_maker_s_library_reads_the_same_numbers_of_our_mip_stream(tmp_path: Path) -> None:
    """MSCL and our driver on one connection each, packet by packet by the time of week; MSCL's ping is answered."""
    async with served(tmp_path) as (bench, places):
        host, _, port = places["motion"].rpartition(":")
        instrument = bench.station.instrument("motion")
        driver = make_driver(instrument, load_card(instrument.model))
        assert isinstance(driver, StreamDriver)
        ours: dict[float, dict[str, Any]] = {}

        async def listen() -> None:
            reader, _ = await asyncio.open_connection(host, int(port))
            while data := await reader.read(4096):
                for reading in driver.feed(data, 0.0):
                    if "tow" in reading.values:
                        ours[reading.values["tow"]] = reading.values

        listening = asyncio.create_task(listen())
        theirs = await asyncio.create_subprocess_exec(
            sys.executable, str(READER), port, str(PACKETS), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        output, errors = await asyncio.wait_for(theirs.communicate(), 60)
        assert theirs.returncode == 0, errors.decode()
        listening.cancel()
    lines = [json.loads(line) for line in output.splitlines()]
    assert lines[0] == {"ping": True}
    packets = [line["points"] for line in lines[1:]]
    assert len(packets) >= PACKETS
    both = [(flat(points), ours[points[TIME]]) for points in packets if points[TIME] in ours]
    assert len(both) >= PACKETS - 5, "the two connections were not opened at the same moment"
    for theirs_say, mine in both:
        assert theirs_say == {name: mine[name] for name in theirs_say}


def flat(points: dict[str, float]) -> dict[str, Any]:
    """The maker's channels under our names; every number of both is the float of the wire, so that they must be equal."""
    out: dict[str, Any] = {ours: [points[f"{theirs}{axis}"] for axis in "XYZ"] for theirs, ours in THREES.items()}
    out["euler_rad"] = [points[name] for name in ("roll", "pitch", "yaw")]
    return out | {"tow": points[TIME], "week": points["gpsCorrelTimestampWeekNum"], "flags": points["gpsCorrelTimestampFlags"]}
