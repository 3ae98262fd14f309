"""Station files and raw files for the tests of the flux command: a tower with known air, in every format."""

from __future__ import annotations

import csv
import io
import struct
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from typer.testing import CliRunner, Result

from edge.cli import main
from firmware_config.check import load_station
from firmware_config.station import Station
from tests.edge.compute.windows import small_world

START = datetime.fromisoformat("2020-06-01 12:00")
"""on the files' own clock, UTC+8"""
LOGGER_ZERO = datetime.fromisoformat("1990-01-01")
RATE = 10
SAMPLES = 6_000
NAMES = ["u", "v", "w", "ts", "co2", "h2o"]
COLUMNS: dict[str, Any] = {
    "wind_u": "u",
    "wind_v": "v",
    "wind_w": "w",
    "sonic_temperature": "ts",
    "co2": {"column": "co2", "unit": "umol/mol", "dry": True},
    "h2o": {"column": "h2o", "unit": "mmol/mol", "dry": True},
}
OUR_COLUMNS = ["U (m/s)", "V (m/s)", "W (m/s)", "Ts (C)", "CO2 dry (umol/mol)", "H2O dry (mmol/mol)"]


def document(**raw: Any) -> dict[str, Any]:
    """A station that only computes raw files of ten minutes; ``raw`` changes its section of that name."""
    return {
        "schema": 1,
        "id": "tower",
        "name": {"en": "Tower", "zh": "塔"},
        "platform": "fixed",
        "surface": "mangrove",
        "position": {"latitude_deg": 28.0, "longitude_deg": 121.0},
        "contact": {"operator": "nobody"},
        "instruments": [
            {"id": "sonic", "model": "csat3", "place": "tower", "serial_number": "1", "rate": f"{RATE} Hz", "mounting": {"height_m": 5.0}},
            {"id": "irga", "model": "li7200", "place": "tower", "serial_number": "2", "rate": f"{RATE} Hz", "mounting": {"height_m": 5.0}},
        ],
        "inputs": {"air_pressure": [{"constant": 1009.0}]},
        "products": [
            {
                "kind": "eddy", "place": "tower", "sonic": "sonic", "gas": "irga", "path": "closed", "averaging": "10min", "canopy_m": 0.5,
                "tube_length_m": 0.7, "tube_diameter_m": 0.005, "flow_l_per_min": 15.0,
            }
        ],
        "raw": {"rate": f"{RATE} Hz", "start": "T_%Y%m%d-%H%M", "columns": COLUMNS, **raw},
    }  # fmt: skip


def station_file(folder: Path, **raw: Any) -> Path:
    path = folder / "tower.yaml"
    path.write_text(yaml.safe_dump(document(**raw), allow_unicode=True), encoding="utf-8")
    return path


def station(folder: Path, **raw: Any) -> Station:
    return load_station(station_file(folder, **raw)).station


def air(rows: int = SAMPLES) -> np.ndarray:
    """(rows, 6) samples of air whose flux is known, in the units of `COLUMNS`."""
    world = small_world(max(rows, 2000))
    columns = [world.wind_u, world.wind_v, world.wind_w, world.sonic_temperature - 273.15, world.r_co2 * 1e6, world.r_h2o * 1e3]
    return np.round(np.stack(columns, axis=1)[:rows], 6)


def csv_text(table: np.ndarray, *, times: list[str] | None = None) -> str:
    """The samples as CSV, with a first column of times when they are given."""
    to = io.StringIO()
    if times is None:
        np.savetxt(to, table, fmt="%.9g", delimiter=",", header=",".join(NAMES), comments="")
        return to.getvalue()
    rows = [",".join([at, *(f"{x:.9g}" for x in row)]) for at, row in zip(times, table, strict=True)]
    return "\n".join([",".join(["time", *NAMES]), *rows]) + "\n"


def csv_file(folder: Path, name: str = "T_20200601-1200.csv", rows: int = SAMPLES) -> Path:
    path = folder / name
    path.write_text(csv_text(air(rows)))
    return path


def stamps(count: int, start: datetime = START, *, end: bool = True) -> list[datetime]:
    """Times of rows: of the end of each sample, as a Campbell logger writes them, or of its start."""
    return [start + timedelta(seconds=(i + end) / RATE) for i in range(count)]


def logger_time(at: datetime) -> str:
    """As TOA5 has it: no zeros behind the last digit that counts."""
    return at.strftime("%Y-%m-%d %H:%M:%S") + (f".{at.microsecond:06d}".rstrip("0") if at.microsecond else "")


def toa5(table: np.ndarray, times: list[datetime]) -> bytes:
    """A TOA5 file of these samples; NaN is written as the logger does."""
    head = [
        '"TOA5","6843","CR3000","1234","CR3000.Std.31","CPU:flux.CR3","9999","ts_data"',
        '"TIMESTAMP","RECORD",' + ",".join(f'"{name}"' for name in NAMES),
        '"TS","RN"' + ',"m/s"' * len(NAMES),
        '"",""' + ',"Smp"' * len(NAMES),
    ]
    rows = [
        ",".join([f'"{logger_time(at)}"', str(i), *('"NAN"' if np.isnan(x) else f"{x:.9g}" for x in row)])
        for i, (at, row) in enumerate(zip(times, table, strict=True))
    ]
    return "\r\n".join([*head, *rows, ""]).encode()


def tob1(table: np.ndarray, times: list[datetime], kind: str = "IEEE4") -> bytes:
    """A TOB1 file of these samples as IEEE4 or IEEE8 numbers."""
    names = ["SECONDS", "NANOSECONDS", "RECORD", *NAMES]
    kinds = ["ULONG"] * 3 + [kind] * len(NAMES)
    head = [
        '"TOB1","6843","CR3000","1234","CR3000.Std.31","CPU:flux.CR3","9999","ts_data"',
        ",".join(f'"{name}"' for name in names),
        '"SECONDS","NANOSECONDS","RN"' + ',""' * len(NAMES),
        '"","",""' + ',"Smp"' * len(NAMES),
        ",".join(f'"{kind}"' for kind in kinds),
    ]
    form = struct.Struct("<III" + ("f" if kind == "IEEE4" else "d") * len(NAMES))
    records = []
    for i, (at, row) in enumerate(zip(times, table, strict=True)):
        since = at - LOGGER_ZERO
        records.append(form.pack(since.days * 86400 + since.seconds, since.microseconds * 1000, i, *row))
    return "\r\n".join([*head, ""]).encode() + b"".join(records)


def flux(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["flux", *(str(a) for a in arguments)])


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))
