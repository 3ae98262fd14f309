"""The world's file: what an engineer may prescribe. Every key has a default, so that a world needs no file at all.

An example:

    schema: 1
    seed: 7
    region: hangzhou                  # else the nearest of regions.yaml
    wind_speed_ms: 8.0                # else the weather decides
    scenario: {name: typhoon, after: 2h}   # or just its name; see scenarios.yaml
    fluxes: {sensible_heat_flux: 40, latent_heat_flux: 120, co2_flux: -8, friction_velocity: 0.35}
    turbulence: {statistics: exact}
    instruments: {irga: {lag: 200ms}}

A scenario must begin at a moment that a restart finds again. Where the file does not name it, `keep_world` writes the file once more with
the moment in it, and later starts read that one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from firmware_config.base.files import read_regular
from firmware_config.units import DurationMs
from simulators.errors import WorldFileError
from simulators.world import scenario
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


class ScenarioChoice(Model):
    """A scenario by name and when it begins: ``after`` so long from ``at``, by default from when the world was first started."""

    name: str
    at: AwareDatetime | None = None
    after: DurationMs = 0
    passes: tuple[float, float] | None = None
    """latitude and longitude over which the centre of a storm goes; None: off Zhoushan"""

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in scenario.names():
            raise ValueError(f"{name!r} is no scenario; there are {', '.join(scenario.names())}")
        return name

    @property
    def begins_s(self) -> float:
        """UTC second at which it begins; WorldFileError when nothing says from when ``after`` counts."""
        if self.at is None:
            raise WorldFileError(f"scenario {self.name} has no beginning: give it `at`, or start the world through haitan-sim")
        return self.at.timestamp() + self.after / 1e3


class WorldConfig(Model):
    """Everything that makes one world."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    seed: int = Field(default=1, ge=0, lt=2**62)
    region: str | None = None
    scenario: ScenarioChoice | None = None
    """named weather instead of the climate's alone; a name stands for itself"""
    cleaned: AwareDatetime | None = None
    """when windows and sensors under water were last cleaned; None: as the scenario says, else every second week"""
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

    @field_validator("scenario", mode="before")
    @classmethod
    def _a_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("region")
    @classmethod
    def _is_a_region(cls, name: str | None) -> str | None:
        if name is not None and name not in table("regions"):
            raise ValueError(f"{name!r} is not known; known are {', '.join(table('regions'))}")
        return name


def load_world(what: Path | str | None) -> WorldConfig:
    """The world of a file or of a scenario's name, or the default world; WorldFileError says what is wrong and what is allowed."""
    raw = _raw(what)
    try:
        return WorldConfig.model_validate(raw)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise WorldFileError(f"{what}: {problems}") from error


def keep_world(what: Path | str | None, folder: Path, now_ms: float) -> Path | None:
    """``what``, or where its scenario does not say when it begins: ``folder``/world.yaml, the same world beginning now.

    The file stays as it is as long as the same world is asked for, so that a later start finds the moment of the first one.
    """
    config, raw = load_world(what), _raw(what)
    if config.scenario is None or config.scenario.at is not None:
        return None if what is None else Path(what).absolute()
    kept = folder / "world.yaml"
    choice = {"name": config.scenario.name} if isinstance(raw["scenario"], str) else raw["scenario"]
    if kept.is_file():
        old = _raw(kept)
        begun = old.get("scenario", {}).pop("at", None) if isinstance(old.get("scenario"), dict) else None
        if begun is not None and old == {**raw, "scenario": choice}:
            return kept
    at = datetime.fromtimestamp(now_ms / 1e3, UTC).replace(microsecond=0)
    head = "# Written when this world was first started; it fixes the moment its scenario counts from. Take the file away to begin anew.\n"
    text = head + yaml.safe_dump({**raw, "scenario": {**choice, "at": at}}, allow_unicode=True, sort_keys=False)
    new = kept.with_suffix(".new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        new.replace(kept)
    except OSError as error:
        raise WorldFileError(f"{kept}: when scenario {config.scenario.name} begins cannot be kept: {error}") from error
    return kept


def _raw(what: Path | str | None) -> dict[str, Any]:
    """A world's file as it is written; a scenario's name stands for a file with nothing else in it."""
    if what is None:
        return {"schema": 1}
    if isinstance(what, str) and what in scenario.names():
        return {"schema": 1, "scenario": what}
    path = Path(what)
    try:
        raw = yaml.safe_load(read_regular(path, MAX_FILE_BYTES)) or {}
    except FileNotFoundError:
        raise WorldFileError(f"{path}: neither a file nor a scenario; the scenarios are {', '.join(scenario.names())}") from None
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise WorldFileError(f"{path}: cannot be read: {error}") from error
    if not isinstance(raw, dict):
        raise WorldFileError(f"{path}: not a world's file: it must hold keys and values")
    return raw
