"""The world's file: what an engineer may prescribe. Every key has a default, so that a world needs no file at all.

An example:

    schema: 1
    seed: 7
    region: hangzhou                  # else the nearest of regions.yaml
    wind_speed_ms: 8.0                # else the weather decides
    fluxes: {sensible_heat_flux: 40, latent_heat_flux: 120, co2_flux: -8, friction_velocity: 0.35}
    turbulence: {statistics: exact}
    instruments: {irga: {lag: 200ms}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firmware_config.units import DurationMs
from simulators.errors import WorldFileError
from simulators.world.data import table
from simulators.world.tide import Constant

MAX_FILE_BYTES = 1_000_000


class Model(BaseModel):
    """Base of every part: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PrescribedFluxes(Model):
    """True fluxes held constant instead of following weather and surface (registry's names and units; None: not prescribed)."""

    sensible_heat_flux: float | None = Field(default=None, ge=-400, le=900)
    latent_heat_flux: float | None = Field(default=None, ge=-200, le=1000)
    co2_flux: float | None = Field(default=None, ge=-100, le=100)
    friction_velocity: float | None = Field(default=None, ge=0.02, le=2.5)


class TurbulenceSettings(Model):
    """The air and what fast instruments make of it."""

    statistics: Literal["natural", "exact"] = "natural"
    """natural: each window's covariance scatters about the truth as real ones do; exact: it equals the truth over each block"""
    sensors: Literal["real", "ideal"] = "real"
    """real: sonic and analyser average over their paths and stand apart as mounted; ideal: each measures at one and the same point"""


class WaveSettings(Model):
    """The sea state; what is not given is what the wind raises hour by hour. With height and period it is one sea for ever."""

    significant_height_m: float | None = Field(default=None, ge=0, le=20)
    peak_period_s: float | None = Field(default=None, ge=1, le=25)
    from_deg: float | None = Field(default=None, ge=0, le=360)
    rides: bool | None = None
    """motion sensors ride a buoy though the station stands (true), or stand though it floats; None: as the station does"""


class InstrumentSettings(Model):
    """What the bench knows of an instrument and its station file does not: things a real one has and nobody wrote down."""

    lag: DurationMs | None = None
    """the gas reaches the analyser this much later than the wind reaches the sonic; None: its time in the tube (volume over flow)"""
    noise: bool = True
    """add the instrument's own white noise"""
    zero_every: DurationMs = 43_200_000
    """pCO2 analyser: pause between two zero cycles"""
    set_to: dict[str, float | str | bool] = Field(default={}, alias="set")
    """settings in the instrument itself that a station file has no word for; each instrument's module names its own"""


class WorldConfig(Model):
    """Everything that makes one world."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    seed: int = Field(default=1, ge=0, lt=2**62)
    region: str | None = None
    ground_m: float | None = None
    """height of the station's surface above its zero mark; None: from site.geojson, else 0"""
    tide: dict[str, Constant] | None = None
    """harmonic constants instead of the region's: ``M2: {amplitude_m: 1.2, phase_deg: 17}`` (Greenwich)"""
    wind_speed_ms: float | None = Field(default=None, ge=0.3, le=60)
    """at 10 m"""
    wind_from_deg: float | None = Field(default=None, ge=0, le=360)
    air_temperature_c: float | None = Field(default=None, ge=-20, le=45)
    relative_humidity: float | None = Field(default=None, ge=5, le=100)
    air_pressure_hpa: float | None = Field(default=None, ge=600, le=1080)
    cloud: float | None = Field(default=None, ge=0, le=1)
    fluxes: PrescribedFluxes = PrescribedFluxes()
    turbulence: TurbulenceSettings = TurbulenceSettings()
    waves: WaveSettings = WaveSettings()
    instruments: dict[str, InstrumentSettings] = {}

    def of(self, instrument_id: str) -> InstrumentSettings:
        """Settings of one instrument."""
        return self.instruments.get(instrument_id, InstrumentSettings())


def load_world(path: Path | None) -> WorldConfig:
    """The world of a file, or the default world; WorldFileError says what is wrong and what is allowed."""
    if path is None:
        return WorldConfig(schema=1)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise WorldFileError(f"{path}: larger than {MAX_FILE_BYTES} bytes; a world's file is a few lines")
        config = WorldConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise WorldFileError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise WorldFileError(f"{path}: {problems}") from error
    if config.region is not None and config.region not in table("regions"):
        raise WorldFileError(f"{path}: region: {config.region!r} is not known; known are {', '.join(table('regions'))}")
    return config
