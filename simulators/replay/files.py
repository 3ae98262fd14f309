"""Reading recorded raw files: plain CSV (gzip or not), one header line, equal time steps, -9999 for missing.

Columns are recognised by their header (datasets.yaml) or by a note beside the file: ``FILE.yaml`` or ``replay.yaml`` in its folder:

    columns: {u: Ux_mean, co2_dry_ppm: CO2_dry}
    rate_hz: 10
    pressure_hpa: 874.0

Where the file holds dry mole fractions, molar densities are made from each sample's own temperature, pressure and humidity by the
ideal gas law, so that who divides by the dry-air density of the same sample has the mole fraction back. Without a temperature of
the gas it is the sonic temperature freed of humidity.
"""

from __future__ import annotations

import fnmatch
import gzip
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulators.errors import ReplayError
from simulators.instruments.feed import Gas, Wind
from simulators.world import physics
from simulators.world.noise import Array

MISSING = -9999.0
MAX_BYTES = 200_000_000
MAX_ROWS = 2_000_000


class ReplayMeta(BaseModel):
    """What a file does not say itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str] = {}
    """our name (keys of ``columns`` in datasets.yaml) → name in the header"""
    rate_hz: float | None = Field(default=None, gt=0, le=100)
    pressure_hpa: float | None = Field(default=None, gt=500, lt=1100)


@dataclass(frozen=True)
class Recorded:
    """One recorded period: what the sonic and the analyser saw, row by row, and its mean air."""

    name: str
    rate_hz: float | None
    wind: Wind
    gas: Gas
    mean_air: dict[str, float]

    @property
    def rows(self) -> int:
        return len(self.wind.u)


@cache
def _tables() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(files("simulators.replay").joinpath("datasets.yaml").read_text(encoding="utf-8"))
    return loaded


def load_meta(path: Path) -> ReplayMeta:
    """A note about recorded files."""
    try:
        return ReplayMeta.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise ReplayError(f"{path}: cannot be used: {error}") from error


def meta_of(path: Path) -> ReplayMeta:
    """The note beside a file, else what is known of its data set, else nothing."""
    for note in (path.with_name(path.name + ".yaml"), path.with_name("replay.yaml")):
        if note.is_file():
            return load_meta(note)
    for pattern, row in _tables()["datasets"].items():
        if fnmatch.fnmatch(path.name, pattern):
            return ReplayMeta.model_validate(row)
    return ReplayMeta()


def load_recorded(path: Path, meta: ReplayMeta | None = None, *, pressure_hpa: float = 1013.25) -> Recorded:
    """Read one file; ``pressure_hpa`` where neither file nor note knows one. ReplayError names the file and what is wrong with it."""
    meta = meta or meta_of(path)
    columns = _pick(path, *_read(path), meta)
    try:
        wind = Wind(columns["u"], columns["v"], columns["w"], _sonic_c(columns))
    except KeyError as error:
        raise ReplayError(f"{path}: no column for {error.args[0]}; name it in {path.name}.yaml under columns") from None
    gas = _gas(path, columns, wind.ts, meta.pressure_hpa or pressure_hpa)
    return Recorded(path.name, meta.rate_hz, wind, gas, _mean_air(gas))


def _read(path: Path) -> tuple[list[str], Array]:
    try:
        raw = path.read_bytes()
        if raw.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(raw)) as packed:
                raw = packed.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ReplayError(f"{path}: more than {MAX_BYTES} bytes; give one averaging period a file")
        head, _, body = raw.partition(b"\n")
        names = head.decode("utf-8").strip().split(",")
        if not body.strip():
            raise ReplayError(f"{path}: holds no rows of numbers under its names")
        rows = np.loadtxt(io.BytesIO(body), delimiter=",", ndmin=2, max_rows=MAX_ROWS)
    except (OSError, EOFError, ValueError, UnicodeDecodeError) as error:
        raise ReplayError(f"{path}: is not a CSV with one header line and numbers: {error}") from error
    if not len(rows) or rows.shape[1] != len(names):
        raise ReplayError(f"{path}: {rows.shape[1]} columns under {len(names)} names, {len(rows)} rows")
    rows[rows == MISSING] = np.nan
    return names, rows


def _pick(path: Path, names: list[str], rows: Array, meta: ReplayMeta) -> dict[str, Array]:
    known = _tables()["columns"]
    unknown = sorted(set(meta.columns) - set(known))
    if unknown:
        raise ReplayError(f"{path}: column {unknown[0]!r} of the note is not known; known are {', '.join(known)}")
    missing = sorted(set(meta.columns.values()) - set(names))
    if missing:
        raise ReplayError(f"{path}: has no column {missing[0]!r}; it has {', '.join(names)}")
    spelled = {name.strip().lower(): i for i, name in enumerate(names)}
    out = {}
    for ours, spellings in known.items():
        if ours in meta.columns:
            out[ours] = rows[:, names.index(meta.columns[ours])]
        else:
            found = next((spelled[s] for s in spellings if s in spelled), None)
            if found is not None:
                out[ours] = rows[:, found]
    return out


def _sonic_c(columns: dict[str, Array]) -> Array:
    if "ts_c" in columns:
        return columns["ts_c"]
    if "ts_k" in columns:
        return columns["ts_k"] - physics.KELVIN
    raise KeyError("sonic temperature (ts_c or ts_k)")


def _gas(path: Path, c: dict[str, Array], ts_c: Array, pressure_hpa: float) -> Gas:
    pressure = c["pressure_kpa"] if "pressure_kpa" in c else np.full(len(ts_c), pressure_hpa / 10.0)
    if "co2_dry_ppm" in c and "h2o_dry_ppt" in c:
        vapour = c["h2o_dry_ppt"] * 1e-3
        temperature = c.get("gas_temperature_c", _air_temperature(ts_c, physics.specific_humidity(vapour)))
        density = physics.dry_air_density_mol_m3(pressure * 10.0, temperature, vapour)
        return Gas(c["co2_dry_ppm"] * 1e-3 * density, c["h2o_dry_ppt"] * density, temperature, pressure)
    if "co2_mg_m3" in c and "h2o_g_m3" in c:
        co2, h2o = c["co2_mg_m3"] * 1e-3 / physics.M_CO2, c["h2o_g_m3"] / physics.M_WATER
    elif "co2_mmol_m3" in c and "h2o_mmol_m3" in c:
        co2, h2o = c["co2_mmol_m3"], c["h2o_mmol_m3"]
    else:
        raise ReplayError(f"{path}: no pair of CO2 and H2O columns; known are co2_dry_ppm with h2o_dry_ppt, co2_mg_m3 with h2o_g_m3, …")
    temperature = c["gas_temperature_c"] if "gas_temperature_c" in c else _from_densities(ts_c, h2o, pressure)
    return Gas(co2, h2o, temperature, pressure)


def _air_temperature(ts_c: Array, humidity: Array) -> Array:
    """The sonic temperature freed of humidity (specific, kg kg-1)."""
    return np.asarray((ts_c + physics.KELVIN) / (1.0 + 0.51 * humidity) - physics.KELVIN)


def _from_densities(ts_c: Array, h2o_mmol_m3: Array, pressure_kpa: Array) -> Array:
    """Air temperature where humidity is a density: three rounds of T from q and q from T are exact to a microkelvin."""
    temperature = ts_c
    for _ in range(3):
        total = pressure_kpa * 1e3 / (physics.GAS_CONSTANT * (temperature + physics.KELVIN))
        vapour = h2o_mmol_m3 * 1e-3 / (total - h2o_mmol_m3 * 1e-3)
        temperature = _air_temperature(ts_c, physics.specific_humidity(vapour))
    return temperature


def _mean_air(gas: Gas) -> dict[str, float]:
    """What a weather station beside the tower would have shown: names and units of the world's truth."""
    temperature, pressure = float(np.nanmean(gas.temperature)), 10.0 * float(np.nanmean(gas.pressure))
    h2o = float(np.nanmean(gas.h2o)) * 1e-3
    total = pressure * 100.0 / (physics.GAS_CONSTANT * (temperature + physics.KELVIN))
    vapour = h2o / (total - h2o)
    partial = pressure * vapour / (1.0 + vapour)
    saturated = float(physics.saturation_vapour_pressure_hpa(np.array(temperature)))
    return {
        "air_temperature": temperature,
        "air_pressure": pressure,
        "relative_humidity": min(100.0, 100.0 * partial / saturated),
        "h2o_mole_fraction": 1e3 * vapour,
        "co2_air": float(np.nanmean(gas.co2)) * 1e3 / (total - h2o),
    }
