"""What every simulated instrument is: values from the world, records written as its document says, faults of its own.

Encoders are written from the vendors' texts and know nothing of how the station reads them. A streaming instrument takes sample k
at exactly k / rate seconds UTC; an instrument that prints or is asked every now and then has the values of that instant.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firmware_config.station import Instrument, Station
from simulators.errors import InstrumentError
from simulators.faults.catalogue import FAULTS
from simulators.faults.effects import Columns
from simulators.instruments.feed import AirFeed
from simulators.world import World, noise
from simulators.world.config import InstrumentSettings
from simulators.world.noise import Array


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


class Simulated(ABC):
    """One instrument. ``fields`` are its measured values, first the one a spike hits; ``checksum`` whether its records carry one."""

    fields: ClassVar[tuple[str, ...]]
    checksum: ClassVar[bool]
    can_be_invalid: ClassVar[bool] = True

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
        return names

    @abstractmethod
    def values(self, first: int, count: int) -> Columns:
        """Samples ``first`` … ``first + count - 1`` of the instrument's own grid, in its own units."""

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """Make one sample one that the instrument itself reports as not valid; ``code`` 0: its usual way."""
        raise InstrumentError(f"{self.id}: this model cannot report invalid data")

    def spoil(self, record: bytes) -> bytes:
        """The record with a wrong check sum and its content intact."""
        raise InstrumentError(f"{self.id}: records of this model carry no check sum")

    def times_ms(self, first: int, count: int) -> Array:
        """World times of samples."""
        return np.asarray((first + np.arange(count)) * self.period_ms, dtype=np.float64)

    def jitter(self, stream: int, index: Array, size: float) -> Array:
        """White noise of the instrument itself, standard deviation ``size``."""
        if not self.setting.settings.noise:
            return np.zeros(len(index))
        return size * noise.normal(self._noise + stream, index.astype(np.int64))


class Talker(Simulated):
    """An instrument on a line of its own that speaks (streams) or is spoken to in text."""

    @property
    def streams(self) -> bool:
        """Says its records unasked."""
        return True

    def fault_names(self) -> set[str]:
        return super().fault_names() | (set() if self.streams else {"late_answer"})

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
