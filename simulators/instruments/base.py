"""What every simulated instrument is: values from the world, records written as its document says, faults of its own.

Encoders are written from the vendors' texts and know nothing of how the station reads them. A streaming instrument takes sample k
at exactly k / rate seconds UTC; an instrument that prints or is asked every now and then has the values of that instant.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from firmware_config.station import Instrument, Station
from simulators.errors import InstrumentError
from simulators.faults.catalogue import FAULTS
from simulators.faults.effects import Columns
from simulators.instruments.feed import AirFeed
from simulators.world import World, noise
from simulators.world.config import InstrumentSettings
from simulators.world.growth import clear_share
from simulators.world.noise import Array

HEAVY_RAIN_MM_H, DROPS_MM_H, MOST_DROPS = 15.0, 40.0, 0.85
DROPS_STREAM = 70
WETTING_MM_H, MOST_WET = 25.0, 0.55
"""rain at which windows lose half of what they can lose, and that share of the light"""
DEW_HUMIDITY, DEW_SHARE = 99.0, 0.7
"""above this humidity (%) dew settles, to at most this share of what rain does"""


@dataclass(frozen=True)
class Setting:
    """What an instrument is given: its entry in the station file, the world around it, the air that blows through it."""

    instrument: Instrument
    station: Station
    world: World
    feed: AirFeed
    settings: InstrumentSettings

    @property
    def height_m(self) -> float:
        return self.instrument.mounting.height_m

    def option(self, name: str, default: float | str | bool) -> float | str | bool:
        """How the instrument is set: as the world's file says (``instruments: {id: {set: {…}}}``), else the station file's options."""
        return self.settings.set_to.get(name, self.instrument.options.get(name, default))

    @property
    def stride(self) -> int:
        """Every so many samples of the file's rate it prints one, where the world's file sets it slower. InstrumentError when it sets it
        faster or to no part of that rate: the air is made at the file's."""
        file_hz = self.instrument.rate or 1.0
        said = self.settings.set_to.get("rate", file_hz)
        try:
            set_hz = float(said)
        except ValueError:
            set_hz = 0.0
        stride = round(file_hz / set_hz) if set_hz > 0 else 0
        if stride < 1 or abs(stride * set_hz / file_hz - 1.0) > 1e-6:
            text = f"set to {said} Hz in the world's file; it can be set to a whole part of the {file_hz:g} Hz of the station's file"
            raise InstrumentError(f"{self.instrument.id}: {text}, and not faster")
        return stride

    @property
    def serial_number(self) -> str:
        """Of the unit that is really there: the station file's, unless the world's file says that another one was put in."""
        return str(self.option("serial_number", self.instrument.serial_number))

    @property
    def lag_s(self) -> float:
        """How much later the gas reaches the analyser than the wind the sonic: as the world's file says, else the time in the tube."""
        if self.settings.lag is not None:
            return self.settings.lag / 1e3
        for product in self.station.products:
            if product.kind == "eddy" and product.gas == self.instrument.id and product.path == "closed":
                size = (product.tube_length_m, product.tube_diameter_m, product.flow_l_per_min)
                if None not in size:
                    length, diameter, flow = (float(value or 0.0) for value in size)
                    return length * math.pi / 4.0 * diameter**2 / (flow / 60_000.0)
        return 0.0

    @property
    def period_ms(self) -> float:
        """Milliseconds between two samples."""
        if self.instrument.rate is not None:
            return 1000.0 / self.instrument.rate
        assert self.instrument.every is not None
        return float(self.instrument.every)


@dataclass(frozen=True)
class Suffered:
    """One of an instrument's own faults: in which samples it is on, their times, and when it began (world time, ms)."""

    name: str
    magnitude: float
    hit: NDArray[np.bool_]
    times_ms: Array
    begin_ms: float

    @property
    def since_ms(self) -> Array:
        """How long it has been on."""
        return np.maximum(self.times_ms - self.begin_ms, 0.0)

    @property
    def hours(self) -> Array:
        return self.since_ms / 3.6e6


class Simulated(ABC):
    """One instrument. ``fields`` are its measured values, first the one a spike hits; ``checksum`` whether its records carry one."""

    fields: ClassVar[tuple[str, ...]]
    checksum: ClassVar[bool]
    can_be_invalid: ClassVar[bool] = True
    own_faults: ClassVar[frozenset[str]] = frozenset()
    """faults of scope ``own`` it can show"""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.id = setting.instrument.id
        self._noise = noise.key(setting.world.config.seed, f"instrument/{self.id}")

    @property
    def period_ms(self) -> float:
        """Milliseconds between two samples of the instrument's own grid."""
        return self.setting.period_ms

    def fault_names(self) -> set[str]:
        """The faults this instrument can show."""
        names = {fault.name for fault in FAULTS.values() if fault.scope == "instrument"} - {"late_answer"}
        if not self.checksum:
            names.discard("wrong_checksum")
        if not self.can_be_invalid:
            names.discard("invalid")
        return names | self.own_faults

    @abstractmethod
    def values(self, first: int, count: int) -> Columns:
        """Samples ``first`` … ``first + count - 1`` of the instrument's own grid, in its own units."""

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """Make one sample one that the instrument itself reports as not valid; ``code`` 0: its usual way."""
        raise InstrumentError(f"{self.id}: this model cannot report invalid data")

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """One of ``own_faults``, in place. By default a column of the fault's name holds its magnitude where it is on, 0 elsewhere.

        Faults of its clock make a column ``clock_shift_ms`` of how far the clock is off (see `clock`).
        """
        if fault.name in CLOCK_FAULTS:
            columns["clock_shift_ms"] = np.where(fault.hit, _clock_shift_ms(fault), columns.get("clock_shift_ms", np.zeros(len(fault.hit))))
            return
        hit = fault.hit & (fault.since_ms < self.period_ms) if fault.name == "reboot_banner" else fault.hit
        columns[fault.name] = np.where(hit, fault.magnitude, 0.0)

    def spoil(self, record: bytes) -> bytes:
        """The record with a wrong check sum and its content intact."""
        raise InstrumentError(f"{self.id}: records of this model carry no check sum")

    def times_ms(self, first: int, count: int) -> Array:
        """World times of samples."""
        return np.asarray((first + np.arange(count)) * self.period_ms, dtype=np.float64)

    def under_water(self, times_ms: Array) -> dict[str, Array]:
        """The world's state as a sensor in the water meets it: below the film that has grown on it."""
        return self.setting.world.behind_film(self.setting.feed.state(times_ms), times_ms)

    def drops(self, times_ms: Array) -> NDArray[np.bool_]:
        """In which samples drops stand in the path of sound or light: the more often the harder it rains, never in light rain."""
        rate = self.setting.world.value("rain_rate", times_ms)
        if rate.max() <= HEAVY_RAIN_MM_H:
            return np.zeros(len(times_ms), dtype=np.bool_)
        share = MOST_DROPS * (1.0 - np.exp(-np.maximum(rate - HEAVY_RAIN_MM_H, 0.0) / DROPS_MM_H))
        return np.asarray(noise.uniform(self._noise + DROPS_STREAM, np.round(times_ms).astype(np.int64)) < share)

    def window(self, times_ms: Array) -> Array:
        """Share of the light that passes windows in the open air: salt on them, rain or fog."""
        return np.asarray(clear_share(self.setting.world.value("salt", times_ms)) * (1.0 - MOST_WET * self.wetness(times_ms)))

    def wetness(self, times_ms: Array) -> Array:
        """How wet glass in the open air is, 0 to 1: by rain or by the dew of fog."""
        rain, humidity = (self.setting.world.value(name, times_ms) for name in ("rain_rate", "relative_humidity"))
        return np.maximum(rain / (rain + WETTING_MM_H), np.clip(humidity - DEW_HUMIDITY, 0.0, 1.0) * DEW_SHARE)

    def jitter(self, stream: int, index: Array, size: float) -> Array:
        """White noise of the instrument itself, standard deviation ``size``."""
        if not self.setting.settings.noise:
            return np.zeros(len(index))
        return size * noise.normal(self._noise + stream, index.astype(np.int64))


class Talker(Simulated):
    """An instrument on a line of its own that speaks (streams) or is spoken to in text.

    ``inserts``: own faults that put bytes into the stream before a record; ``answers``: it can be spoken to.
    """

    inserts: ClassVar[tuple[tuple[str, bytes], ...]] = ()
    answers: ClassVar[bool] = False

    @property
    def streams(self) -> bool:
        """Says its records unasked."""
        return True

    def fault_names(self) -> set[str]:
        names = super().fault_names() | {name for name, _ in self.inserts} | {"noise"}
        return names | ({"echo"} if self.answers else set()) | ({"late_answer"} if self.answers or not self.streams else set())

    def interrupted(self, columns: Columns, records: Sequence[bytes]) -> list[bytes]:
        """The records with what `inserts` puts before them."""
        out = list(records)
        for name, text in self.inserts:
            if name in columns:
                out = [text + record if on else record for record, on in zip(out, columns[name].tolist(), strict=True)]
        return out

    @abstractmethod
    def encode(self, columns: Columns, first: int) -> list[bytes]:
        """The records of the samples, one for each row."""

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        """What it says to bytes it received (nothing by default); ``look`` gives one row of present values, faults included."""
        return b""


class Unit(Simulated):
    """An instrument with a Modbus address and registers."""

    checksum = True
    UPDATE_MS: ClassVar[float] = 1000.0
    """how often it measures"""

    @property
    def period_ms(self) -> float:
        return self.UPDATE_MS

    def fault_names(self) -> set[str]:
        modbus = {fault.name for fault in FAULTS.values() if fault.scope == "modbus"}
        return super().fault_names() | modbus | {"late_answer"}

    @abstractmethod
    def registers(self, columns: Columns) -> dict[int, int]:
        """Register values (16 bit) by wire address, from one row of values."""

    def read(self, function: int, address: int, count: int, look: Callable[[], Columns]) -> Sequence[int] | int:
        """Register values, or an exception code; ``look`` gives one row of present values, faults included."""
        if function not in (3, 4):
            return 1
        known = self.registers(look())
        wanted = [known.get(address + i) for i in range(count)]
        if not wanted or None in wanted:
            return 2
        return [value for value in wanted if value is not None]

    def write(self, address: int, values: Sequence[int]) -> int | None:
        """Write registers; an exception code, or None when done."""
        return 2


def column(columns: Columns, name: str, row: int = 0) -> float:
    return float(columns[name][row])


def text(value: float, pattern: str, missing: str = "") -> str:
    """A number by a %-pattern, or how this instrument writes "not available"."""
    return missing if math.isnan(value) else pattern % value


def marked(columns: Columns, name: str, row: int = 0) -> float:
    """Magnitude of an own fault in one sample; 0 where it is not on."""
    return float(columns[name][row]) if name in columns else 0.0


LAG_PARTS = 10


def lagged(of: Callable[[Array], Array], fault: Suffered) -> Array:
    """What comes of a quantity (``of``: times in ms → values) behind a first-order lag of the fault's magnitude (s), which began with the
    fault: the mean of past instants of equal weight, none of them from before."""
    ages_ms = -1e3 * fault.magnitude * np.log(1.0 - (np.arange(LAG_PARTS) + 0.5) / LAG_PARTS)
    past = [of(fault.times_ms - np.minimum(age, fault.since_ms)) for age in ages_ms.tolist()]
    return np.asarray(np.mean(past, axis=0))


CLOCK_FAULTS = frozenset({"clock_lost", "clock_step", "clock_stuck"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _clock_shift_ms(fault: Suffered) -> Array:
    if fault.name == "clock_stuck":
        return -fault.since_ms
    if fault.name == "clock_step":
        return np.full(len(fault.hit), fault.magnitude * 1e3)
    year = min(max(int(fault.magnitude), 1), 9000)
    return np.full(len(fault.hit), (datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds() * 1e3 - fault.begin_ms)


def clock(columns: Columns, row: int, t_ms: float) -> datetime:
    """What the instrument's own clock shows at world time ``t_ms``."""
    return EPOCH + timedelta(milliseconds=t_ms + marked(columns, "clock_shift_ms", row))
