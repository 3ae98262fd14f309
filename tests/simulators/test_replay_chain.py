"""Recorded turbulence through the whole chain: serial ports, agent, archive, science child, broker, centre; the store must hold the known fluxes.

Three real half-hours (Finse) are played at 60x through a simulated sonic and an enclosed-path analyser on separate lines. What arrives in the store is held
to the same functions on the file (1 %) and to the reference engine's numbers for that file (3 %, or 0.5 W m-2, 0.05 umol m-2 s-1), both without spectral
correction: the losses in a recording are those of the instruments that made it, not of the simulated ones.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from edge.science.eddy.setup import Methods
from simulators.demo import first_origin_ms
from simulators.judge import store_records
from simulators.stage import Stage, example_station
from tests.edge.science.eddy.reference import EC, computed, expected

FILES = ("FIN_20180720-1600.csv.gz", "FIN_20180720-1830.csv.gz", "FIN_20180721-0930.csv.gz")
# series in the store: the reference's column, factor from our file-level value, absolute band against the reference
FLUXES = {
    "friction_velocity": ("u*", 1.0, 0.0),
    "momentum_flux": ("Tau", 1.0, 0.0),
    "sensible_heat_flux": ("H", 1.0, 0.5),
    "latent_heat_flux": ("LE", 1.0, 0.5),
    "co2_flux": ("co2_flux", 1e6, 0.05),
}


def whole_windows(store: Path) -> list[dict]:
    """Eddy records that have a flux, in order of time."""
    if not store.exists():
        return []
    bodies = [json.loads(rows[0][0]) for number, rows in store_records(store).items() if number[1] == "eddy"]
    return sorted((b for b in bodies if b["values"].get("co2_flux@mast") is not None), key=lambda b: b["t"])


def recordings(truth: Path) -> dict[int, str]:
    """Beginning of the window → the file the bench played in it; on a slow machine the first window may pass before anybody reads."""
    lines = [json.loads(line) for line in truth.read_text().splitlines()] if truth.exists() else []
    return {line["t"]: line["file"] for line in lines if line["what"] == "recording"}


def played(records: list[dict], files: dict[int, str]) -> dict[str, dict]:
    """File → the record of the window it was played in."""
    return {files[record["t"]]: record for record in records if record["t"] in files}


@pytest.mark.needs("refdata")
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("chain")
async def test_the_store_holds_the_fluxes_of_the_recorded_half_hours(tmp_path: Path) -> None:
    speed = 60.0
    stage = Stage(
        tmp_path,
        [example_station("hangzhou-mudflat")],
        speed=speed,
        replay=[EC / "finse" / name for name in FILES],
        origin_ms=first_origin_ms(speed),
    )
    try:
        await stage.start()
        truth, store = tmp_path / "stations/hangzhou-mudflat/ports/truth.jsonl", tmp_path / "collector/store.db"
        async with asyncio.timeout(800):
            while len(records := played(await asyncio.to_thread(whole_windows, store), recordings(truth))) < len(FILES):
                await asyncio.sleep(0.5)
    finally:
        await stage.stop()
    assert list(records) == list(FILES)
    for name, record in records.items():
        on_file, reference = computed("finse", name, Methods(spectral="none")), expected("finse")[name]
        assert record["simulated"]
        for series, (column, factor, band) in FLUXES.items():
            stored = record["values"][f"{series}@mast"]
            assert stored == pytest.approx(on_file.value(series) * factor, rel=0.01), (name, series, "same functions on the file")
            assert stored == pytest.approx(reference[column], rel=0.03, abs=band), (name, series, "reference engine")
