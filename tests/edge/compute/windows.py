"""Raw windows for the tests of the compute room: in memory, as a live file and as a packed archive file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.archive.layout import Header, Layout, Note, fragment
from edge.archive.live import LiveFile
from edge.archive.metadata import describe
from edge.archive.pack import pack
from firmware_config.check import load_station
from firmware_config.station import EddyFlux, Station
from tests.edge.science.eddy.turbulence import RATE_HZ, World, make_world

STATIONS = Path(__file__).resolve().parents[3] / "firmware_config" / "stations"
START_MS = 1_780_000_200_000


@dataclass(frozen=True)
class FakeRaw:
    columns: dict[str, np.ndarray]
    rate_hz: float = RATE_HZ
    start_ms: int = START_MS
    meta: dict[str, object] = field(default_factory=dict)


def mangrove() -> tuple[Station, EddyFlux]:
    """The example tower (fixed, open path) with its eddy product, its period cut to five minutes."""
    station = load_station(STATIONS / "yueqing-mangrove" / "station.yaml").station
    product = next(p for p in station.products if isinstance(p, EddyFlux)).model_copy(update={"averaging": 300_000})
    return station.model_copy(update={"products": [product]}), product


def columns_of(world: World, lag: int = 0) -> dict[str, np.ndarray]:
    """What the archive holds of this air, seen by a sonic and an open-path analyser."""
    s = world.open_path(lag)
    return {
        "U (m/s)": s["wind_u"],
        "V (m/s)": s["wind_v"],
        "W (m/s)": s["wind_w"],
        "Ts (C)": s["sonic_temperature"] - 273.15,
        "CO2 (mmol/m^3)": s["co2"] * 1e3,
        "H2O (mmol/m^3)": s["h2o"] * 1e3,
    }


def small_world(n: int = 6_000) -> World:
    return make_world(seed=8, n=n)


def write_live(path: Path, columns: dict[str, np.ndarray], note: Note | None = None, learnt: dict | None = None) -> LiveFile:
    """A live file of the archive with these columns, opened when ``learnt`` was known."""
    sonic, gas = ("wind_u", "wind_v", "wind_w", "sonic_temperature"), ("co2_density", "h2o_density")
    layout = Layout(sonic, gas)
    n = columns["U (m/s)"].size
    header = Header(
        station="test",
        place="tower",
        name=path.stem,
        start_ms=START_MS,
        duration_ms=int(n / RATE_HZ * 1000),
        rate_hz=RATE_HZ,
        slots=n,
        layout=layout,
        about=describe(*mangrove(), learnt),
    )
    live = LiveFile.create(path, header)
    table = [columns[name] for name in layout.columns if name in columns]
    rows = []
    for i in range(n):
        values = [None if np.isnan(x[i]) else float(x[i]) for x in table]
        rows.append(
            layout.row(
                i,
                fragment(0, sonic, dict(zip(sonic, values[:4], strict=True))),
                fragment(249, gas, dict(zip(gas, values[4:], strict=True))),
            )
        )
    live.append("".join(rows), note or Note())
    return live


def write_ghg(
    folder: Path,
    columns: dict[str, np.ndarray],
    note: Note | None = None,
    name: str = "test_20260528T2030",
    learnt: dict | None = None,
) -> Path:
    live = write_live(folder / f"{name}.live", columns, note, learnt)
    live.close()
    target = folder / f"{name}.ghg"
    pack(folder / f"{name}.live", target)
    return target
