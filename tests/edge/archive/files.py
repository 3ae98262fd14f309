"""Live files to test with: a header, rows with known values, blocks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from edge.archive.layout import GAS_COLUMNS, SONIC_COLUMNS, Header, Layout, Note, fragment
from edge.archive.live import LiveFile
from edge.archive.metadata import describe
from firmware_config.check import load_station
from firmware_config.station import EddyFlux
from simulators.stage import example_station

LAYOUT = Layout(tuple(SONIC_COLUMNS), tuple(GAS_COLUMNS))
START_MS = 1_795_345_200_000
RATE_HZ = 20.0
SLOTS = 1200


@cache
def _station(example):
    return load_station(example_station(example)).station


def header(*, name="buoy_20261122T1100", slots=SLOTS, start_ms=START_MS, example="zhoushan-buoy", **more) -> Header:
    station = _station(example)
    product = next(p for p in station.products if isinstance(p, EddyFlux))
    fields = {
        "station": "buoy",
        "place": "mast",
        "name": name,
        "start_ms": start_ms,
        "duration_ms": round(slots / RATE_HZ * 1000),
        "rate_hz": RATE_HZ,
        "slots": slots,
        "layout": LAYOUT,
        "config_hash": "0123",
        "about": describe(station, product),
    }
    return Header(**{**fields, **more})


def sample(slot):
    """The known values of a slot: sonic and gas."""
    sonic = {"wind_u": slot / 100, "wind_v": -slot / 50, "wind_w": 0.01, "sonic_temperature": 15.123456}
    gas = {"co2_density": 17.5 + slot / 1e4, "h2o_density": 500.0, "gas_temperature": None, "gas_pressure": 101.3, "signal_strength": 93.0}
    return sonic, gas


def row(slot, *, sonic=True, gas=True):
    values = sample(slot)
    parts = [
        fragment(diagnostic, names, value) for diagnostic, names, value in ((0, LAYOUT.sonic, values[0]), (254, LAYOUT.gas, values[1]))
    ]
    return LAYOUT.row(slot, parts[0] if sonic else None, parts[1] if gas else None)


def note(clock="synchronised", pressure=1013.0):
    return Note(clock=clock, inputs={"air_pressure": (pressure, 0.5, "air_pressure@mast")})


def write(folder: Path, blocks, head=None, notes=None) -> Path:
    """A live file with these blocks of slots."""
    head = head or header()
    live = LiveFile.create(folder / f"{head.name}.live", head)
    for i, slots in enumerate(blocks):
        live.append("".join(row(slot) for slot in slots), notes[i] if notes else note())
    live.close()
    return live.path
