"""The station's drivers on the bench's instruments: two readings of one document, made apart, find the same truth.

Where a value cannot equal the truth by itself the test says why; the values of motion and turbulence change from sample to sample and are
compared record by record elsewhere.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from edge.instruments.probe import Prober
from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.check import load_station
from simulators.serve.station import Plan, StationBench
from simulators.world import load_world
from simulators.world.physics import GRAVITY_MS2
from tests.simulators.conftest import T0_MS
from tests.simulators.test_bench_station import OFTEN
from tests.simulators.test_more_instruments import BENCH

NEW_BUT_MOVING = {"sonic_binary", "csat", "metek", "mru", "old_mru", "vectornav"}


def expected(truth: dict[str, float], power: dict[str, float]) -> dict[str, dict[str, tuple[float, float]]]:
    """Instrument → quantity → (truth, tolerance): noise and steps of the instrument, and what the world changes in half a minute."""
    moist = 1.0 + truth["h2o_mole_fraction"] / 1e3
    water_bar = truth["water_density"] * GRAVITY_MS2 * (truth["water_level"] + 7.0) / 1e5
    saturation, pco2 = truth["oxygen_saturation"], truth["pco2_water"]
    water_c = (truth["water_temperature"], 0.1)
    return {
        "closed_irga": {
            "co2_mole_fraction_cell": (truth["co2_air"] / moist, 1.0),
            "h2o_mole_fraction_cell": (truth["h2o_mole_fraction"] / moist, 0.2),
        },
        "sami": {"pco2_water": (pco2, 0.012 * pco2)},  # steps of the light ratios
        "proco2": {"pco2_water": (pco2, 2.0)},
        "optode": {"oxygen_saturation_sensor": (saturation * truth["air_pressure"] / 1013.25, 0.6), "water_temperature": water_c},
        "sbe26": {"water_pressure": (water_bar + truth["air_pressure"] / 1e3, 0.02), "water_temperature": water_c},
        "barometer": {"air_pressure": (truth["air_pressure"], 0.1)},
        "charger": {
            "battery_voltage": (power["voltage"], 0.05),
            "battery_current": (power["current"], 0.2),
            "panel_power": (power["panel_power"], 3.0),
        },
        "radar": {"distance_to_water": (8.0 - truth["water_level"], 0.05)},
        "odo": {
            "dissolved_oxygen": (truth["dissolved_oxygen"], 0.06),
            "oxygen_saturation_sensor": (saturation * truth["air_pressure"] / 1013.25, 0.6),
            "water_temperature": water_c,
        },
        "rdo": {
            "dissolved_oxygen": (truth["dissolved_oxygen"], 0.05),
            "oxygen_saturation_sensor": (saturation, 0.6),
            "water_temperature": water_c,
        },
        "pyranometer": {"shortwave_radiation": (truth["shortwave"], 8.0)},
        "weather_bus": {
            "relative_humidity": (truth["relative_humidity"], 1.2),
            "air_pressure": (truth["air_pressure"], 0.3),
            "air_temperature": (truth["air_temperature"], 0.3),
        },
    }


async def test_drivers_find_what_the_world_has(tmp_path: Path):
    described = yaml.safe_load((BENCH / "station.yaml").read_text(encoding="utf-8"))
    for entry in described["instruments"]:
        entry["every"] = OFTEN.get(entry["id"], entry.get("every"))
        if entry["every"] is None:
            del entry["every"]
    path = tmp_path / "station.yaml"
    path.write_text(yaml.safe_dump(described, allow_unicode=True), encoding="utf-8")
    shutil.copy(BENCH / "site.geojson", tmp_path)
    loaded = load_station(path)
    file = WorldClockFile(tmp_path / "clock.json")
    file.start(1.0, T0_MS + 3 * 3_600_000)
    ports = tmp_path / "ports"
    ports.mkdir()
    plan = Plan(ports=ports, world=load_world(BENCH / "world.yaml"), site=loaded.site, clock_file=file)
    bench = StationBench(loaded.station, plan, WorldClock(file.path))
    await bench.start()
    stop = asyncio.Event()
    running = asyncio.create_task(bench.run(stop))
    try:
        findings = await Prober(loaded.station, ports, listen_s=6.0).run()
    finally:
        stop.set()
        await running
    found = {finding.instrument.id: finding for finding in findings}
    assert {key: found[key].verdict for key in NEW_BUT_MOVING if found[key].records < 3} == {}
    at = bench.world.power.at(np.array([bench.now_ms() / 1e3]))
    wanted = expected(bench.world.truth(bench.now_ms()), {name: float(values[0]) for name, values in at.items()})
    for key, quantities in wanted.items():
        for name, (truth, tolerance) in quantities.items():
            assert found[key].values.get(name) == pytest.approx(truth, abs=tolerance), f"{key}: {name} ({found[key].verdict})"
