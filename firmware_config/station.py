"""What a station is: the model of its one YAML file and of the ``site.geojson`` beside it.

Attribute names are the YAML keys. Units ride in the key (``height_m``) or in the value (``10s``, ``20 Hz``); unknown keys are refused.
`firmware_config.check.load_station` returns a whole, consistent station or raises StationFileError with every problem at once.
"""

from __future__ import annotations

import datetime
import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from firmware_config.raw_files import RawFiles
from firmware_config.units import DurationMs, RateHz, SizeBytes

Platform = Literal["buoy", "fixed", "vessel"]
Surface = Literal["seawater", "salt_marsh", "mangrove", "mudflat", "island_vegetation", "aquaculture"]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Place = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,30}$")]
Port = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]
"""of a serial line: a path"""
Host = Annotated[str, Field(pattern=r"^[^\s\x00-\x1f\x7f]+$")]
SeriesName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(:[a-z0-9_]+)?@[a-z0-9][a-z0-9_]*$")]


class Model(BaseModel):
    """Base of every part: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Names(Model):
    """A name in both languages of the house."""

    en: str
    zh: str


class Position(Model):
    latitude_deg: float = Field(ge=-90, le=90)
    longitude_deg: float = Field(ge=-180, le=180)


class Datum(Model):
    """Heights of the vertical datums, in metres above the station's own zero mark (levels of different datum are never compared)."""

    station_zero_m: float = 0.0
    datum_1985_m: float
    chart_datum_m: float


class Contact(Model):
    operator: str


class SerialLink(Model):
    """An RS-232/422/485 line read as a stream of bytes."""

    id: Identifier
    kind: Literal["serial"]
    port: Port
    baud: int = Field(ge=300, le=921_600)
    format: Annotated[str, Field(pattern=r"^[78][NEO][12]$")] = "8N1"


class TcpLink(Model):
    """A TCP connection read as a stream of bytes."""

    id: Identifier
    kind: Literal["tcp"]
    host: Host
    port: int = Field(ge=1, le=65_535)


class ModbusRtuLink(Model):
    """An RS-485 line on which several Modbus devices are asked in turn."""

    id: Identifier
    kind: Literal["modbus_rtu"]
    port: Port
    baud: int = Field(ge=300, le=921_600)
    format: Annotated[str, Field(pattern=r"^[78][NEO][12]$")] = "8N1"


class ModbusTcpLink(Model):
    id: Identifier
    kind: Literal["modbus_tcp"]
    host: Host
    port: int = Field(502, ge=1, le=65_535)


Link = Annotated[SerialLink | TcpLink | ModbusRtuLink | ModbusTcpLink, Field(discriminator="kind")]


class Mounting(Model):
    """Where the instrument sits. Heights are above the station's zero mark; positive up, so a sensor under water is negative."""

    height_m: float
    north_offset_deg: float = Field(0.0, ge=-360, le=360)
    """of the instrument's north mark, degrees clockwise from true north; on a buoy or a vessel from its bow"""
    u_from_deg: float | None = Field(None, ge=0, lt=360)
    """of a sonic: where a wind along its +u comes from, degrees clockwise from true north (of a left-handed one, once v is turned round);
    None: from ``north_offset_deg`` and the maker's axes, where these are known"""
    eastward_separation_m: float = 0.0
    northward_separation_m: float = 0.0
    vertical_separation_m: float = 0.0


class Correction(Model):
    """A two-point correction of a quantity in the registry's unit: slope x value + offset."""

    slope: float = Field(1.0, gt=0)
    offset: float = 0.0


class Calibration(Model):
    """A dated calibration: coefficients named as in the instrument's document, corrections by quantity. The newest entry of this unit that
    is not in the future applies, whole; old ones stay. An entry of another ``serial_number`` than the instrument's does not apply."""

    date: datetime.date
    by: str = ""
    serial_number: str = ""
    """the unit that was calibrated; not given: the one that stands in the file"""
    coefficients: dict[str, float] = {}
    corrections: dict[str, Correction] = {}


class Instrument(Model):
    """One instrument at one place. Exactly one of ``rate`` (it streams) and ``every`` (it is asked, or prints slowly) is given."""

    id: Identifier
    model: str
    place: Place
    serial_number: str
    link: Identifier = ""
    """empty only at a station that computes raw files and reads no instrument"""
    address: int | str | None = None
    rate: RateHz | None = None
    every: DurationMs | None = None
    mounting: Mounting
    firmware: str = ""
    calibration: list[Calibration] = []
    options: dict[str, float | str | bool] = {}

    @model_validator(mode="after")
    def _one_pace(self) -> Instrument:
        if (self.rate is None) == (self.every is None):
            raise ValueError("give exactly one of rate (for example 20 Hz) and every (for example 10s)")
        return self


class Bounds(Model):
    """Closed limits; a missing side is open."""

    min: float | None = None
    max: float | None = None


class RangeTest(Model):
    fail: Bounds
    suspect: Bounds | None = None


class StepTest(Model):
    """QARTOD spike and rate-of-change thresholds in the unit of the series (per step for a spike)."""

    suspect: float = Field(gt=0)
    fail: float | None = Field(None, gt=0)


class FlatLineTest(Model):
    """QARTOD flat line: so many equal values (within ``tolerance``) in a row."""

    suspect_count: int = Field(3, ge=2)
    fail_count: int = Field(5, ge=2)
    tolerance: float = Field(ge=0)


class QualityRule(Model):
    """Limits of one series (or of every place of a quantity: ``water_temperature@*``)."""

    series: str
    gross_range: RangeTest | None = None
    spike: StepTest | None = None
    rate_of_change_per_min: StepTest | None = None
    flat_line: FlatLineTest | None = None


class Source(Model):
    """Where an input may come from: a series not older than ``max_age``, or a constant; with the uncertainty that choice costs."""

    series: SeriesName | None = None
    max_age: DurationMs = 1_800_000
    constant: float | None = None
    uncertainty: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        if (self.series is None) == (self.constant is None):
            raise ValueError("give exactly one of series and constant")
        return self


class Plane(Model):
    """The mean streamlines of one wind sector: w = b0 + b1 u + b2 v in the sonic's frame (Wilczak et al. 2001)."""

    from_deg: float = Field(ge=0, lt=360)
    to_deg: float = Field(gt=0, le=360)
    b0_ms: float = 0.0
    b1: float
    b2: float


class PlanarFit(Model):
    """How the planes are found: given, or learnt from the station's own windows."""

    sectors: int = Field(default=4, ge=1, le=36)
    least_windows: int = Field(default=30, ge=10)
    """per sector, before its plane is used"""
    least_wind_ms: float = Field(default=1.0, ge=0)
    most_vertical_wind_ms: float = Field(default=0.5, gt=0)
    history: DurationMs = 60 * 86_400_000
    planes: list[Plane] = []
    """given planes are used as they are and nothing is learnt"""


class SurfaceTemperature(Model):
    """Temperature of a surface of the analyser, degC: ``slope`` times that of the air plus ``offset_c``."""

    slope: float
    offset_c: float


class SurfaceTemperatures(Model):
    """Of the lower window (bottom), the upper ball (top) and the spar."""

    bottom: SurfaceTemperature
    top: SurfaceTemperature
    spar: SurfaceTemperature


class SurfaceHeating(Model):
    """Heat that the surfaces of an upright open-path LI-7500 give to its path (Burba et al. 2008, method 4, linear form): the paper's
    tables 2 and 3 have the coefficients by day and night, its table 1 the sizes. None is built in; day is when the sun is up."""

    day: SurfaceTemperatures
    night: SurfaceTemperatures
    bottom_length_m: float = Field(gt=0)
    """of the lower window, along the wind"""
    bottom_extra_layer_m: float = Field(default=0.0, ge=0)
    """added to its boundary layer"""
    top_diameter_m: float = Field(gt=0)
    top_extra_layer_m: float = Field(default=0.0, ge=0)
    spar_diameter_m: float = Field(gt=0)


class EddyProcessing(Model):
    """The steps of the eddy-covariance chain. None: what the mode does by itself."""

    mode: Literal["correct", "compatible"] = "correct"
    """correct: each step as its paper has it; compatible: as EddyPro 7 does, faults included"""
    crosswind: bool = False
    """correct the sonic temperature for the cross-wind (for sonics that do not do it themselves)"""
    spikes: Literal["vickers_mahrt", "mauder", "none"] = "vickers_mahrt"
    rotation: Literal["double", "triple", "planar_fit", "none"] = "double"
    planar_fit: PlanarFit = PlanarFit()
    lag: Literal["tracked", "maximum_with_default", "maximum", "constant", "none"] | None = None
    """None: tracked (correct), maximum_with_default (compatible)"""
    detrending: Literal["block", "linear", "running_mean", "exponential"] = "block"
    detrending_time: DurationMs | None = None
    """None: the period for linear, 250 s for the others"""
    density: bool = True
    """density correction (open path) or dry mole fraction (closed path)"""
    surface_heating: SurfaceHeating | None = None
    """None: off. It changes CO2 of an open path alone, and belongs to cold sites"""
    random_error: Literal["finkelstein_sims", "mann_lenschow", "none"] = "finkelstein_sims"
    integral_scale: Literal["zero_crossing", "one_over_e", "whole"] = "zero_crossing"
    spectral: Literal["moncrieff", "horst", "ibrom", "fratini", "none"] = "moncrieff"
    separation: bool = True
    """separation loss after Horst & Lenschow (2009) with the in-situ forms; moncrieff has its own"""
    quality: Literal["mauder_foken", "foken"] = "mauder_foken"
    footprint: Literal["kljun_2004", "kormann_meixner", "hsieh"] = "kljun_2004"
    minimum_share: float = Field(default=0.9, gt=0, le=1)


class EddyFlux(Model):
    """Eddy covariance from a sonic and, if there is one, a gas analyser (``gas`` may be the sonic itself for integrated instruments)."""

    kind: Literal["eddy"]
    place: Place
    sonic: Identifier
    gas: Identifier | None = None
    path: Literal["open", "closed"] = "open"
    averaging: DurationMs = 1_800_000
    displacement_m: float | None = Field(None, ge=0)
    """None: 0.67 of the canopy"""
    roughness_m: float | None = Field(None, gt=0)
    """None: 0.15 of the canopy; over water or bare mud from the wind of the window itself"""
    canopy_m: float = Field(0.0, ge=0)
    ground_m: float = 0.0
    """the ground (or the mean water of a buoy) under the sonic, above the station's zero mark"""
    water_level: str | None = None
    """name of ``inputs``: the water above the station's zero; where it stands above the ground, the sonic's height counts from the water"""
    lag_co2: tuple[float, float] | None = None
    """search window in seconds, gas after wind positive; None: from separation or tube"""
    lag_h2o: tuple[float, float] | None = None
    tube_length_m: float | None = Field(None, gt=0)
    tube_diameter_m: float | None = Field(None, gt=0)
    flow_l_per_min: float | None = Field(None, gt=0)
    cell_volume_cm3: float = Field(0.0, ge=0)
    """of a closed-path analyser, part of the way the air has to go"""
    pressure: str = "air_pressure"
    """names of ``inputs`` of the station"""
    processing: EddyProcessing = EddyProcessing()


class AirSeaFlux(Model):
    """Bulk air-sea CO2 flux from pCO2 in water, CO2 in air and wind; the inputs are named in the station's ``inputs``."""

    kind: Literal["air_sea"]
    place: Place
    pco2_water: str = "pco2_water"
    pco2_air: str = "co2_air"
    wind_speed: str = "wind_speed"
    wind_height_m: float = Field(gt=0)
    water_temperature: str = "water_temperature"
    salinity: str = "salinity"
    air_pressure: str = "air_pressure"
    every: DurationMs = 1_800_000


class OxygenSaturation(Model):
    """Oxygen saturation from concentration, temperature, salinity and air pressure; of a sensor that counts for a salinity set in it
    (``dissolved_oxygen_uncorrected``) the concentration in this water first."""

    kind: Literal["oxygen"]
    place: Place
    oxygen: SeriesName
    sensor_salinity: float | None = Field(None, ge=0, le=42)
    """set in a sensor whose oxygen is ``dissolved_oxygen_uncorrected``; None: 0, as it leaves the factory"""
    water_level: str | None = None
    """name of ``inputs``: the water above the station's zero, for the sensor's depth; None: the depth below the station's zero"""
    water_temperature: str = "water_temperature"
    salinity: str = "salinity"
    air_pressure: str = "air_pressure"


class Tide(Model):
    """Six-minute water level: 181 one-second samples centred on each tenth of an hour, of a pressure gauge under the water or a radar
    above it. Both are counted from the instrument's ``mounting.height_m``."""

    kind: Literal["tide"]
    place: Place
    instrument: Identifier
    pressure_is: Literal["gauge", "absolute"] = "gauge"
    water_density_kg_m3: float = Field(1022.0, gt=900, lt=1100)
    air_pressure: str = "air_pressure"
    sensor_zero_m: float = 0.0
    """of an instrument that gives a level itself: the zero set in it, above the station's zero mark"""


Product = Annotated[EddyFlux | AirSeaFlux | OxygenSaturation | Tide, Field(discriminator="kind")]


class Uplink(Model):
    """How the station talks to the centre. Secrets are named (file, environment variable), never written here."""

    host: str
    port: int = Field(8883, ge=1, le=65_535)
    username: str | None = None
    password_file: str | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    centre: str = "centre"
    live: bool = True
    live_every: DurationMs = 2_000
    batch: int = Field(48, ge=1, le=500)
    plan_mb_per_month: float | None = Field(None, gt=0)
    backlog_records_per_s: float = Field(200.0, gt=0)


NO_DATUM = Datum.model_construct(station_zero_m=0.0, datum_1985_m=math.nan, chart_datum_m=math.nan)
NO_UPLINK = Uplink.model_validate({"host": ""})


class Storage(Model):
    outbox: SizeBytes = Field(default=500_000_000, ge=10_000_000)
    raw: SizeBytes = Field(default=16_000_000_000, ge=100_000_000)


class Station(Model):
    """One station, whole. One that only computes raw files (``raw``) may leave out ``links``, ``datum`` and ``uplink``."""

    schema_version: Literal[1] = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    name: Names
    platform: Platform
    surface: Surface
    position: Position
    timezone: str = "Asia/Shanghai"
    datum: Datum = NO_DATUM
    contact: Contact
    links: list[Link] = []
    instruments: list[Instrument] = Field(min_length=1)
    quality: list[QualityRule] = []
    inputs: dict[str, list[Source]] = {}
    products: list[Product] = []
    uplink: Uplink = NO_UPLINK
    storage: Storage = Storage()
    raw: RawFiles | None = None

    def link(self, link_id: str) -> Any:
        """The link with this id (KeyError if there is none; `load_station` has checked that instruments name real ones)."""
        return {link.id: link for link in self.links}[link_id]

    def instrument(self, instrument_id: str) -> Instrument:
        return {instrument.id: instrument for instrument in self.instruments}[instrument_id]
