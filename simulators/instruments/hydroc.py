"""CONTROS HydroC CO2: ``$CODS4,…*hh`` CR LF, integers scaled by a thousand, XOR check sum in lower-case hexadecimal.

Fields as established from real lines (field 0 is the header): 6 date, 7 time, 12 and 13 pressures in Pa (13 of the gas in the
cell), 18 zero, 19 flush, 20 external pump, 30 estimate, 31 partial pressure (uatm x 1000), 32 mole fraction (ppm x 1000), where
field31 = field32 field13 / 101325. The others are not established and stay constant. Every ``zero_every`` the instrument zeroes for
two minutes and flushes for ten, when its values are not of the water.

Where it tells of its humidity is not established. A ``leak`` is seen in the fields that are: the vapour adds to the pressure of the gas and
thins the CO2 in it (Dalton), the partial pressure of CO2 stays.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Suffered, Talker, clock, lagged
from simulators.instruments.checksums import spoiled, xor
from simulators.world.noise import Array

STANDARD_PA = 101_325.0
CELL_PA = 99_470.0
ZERO_S = 120.0
FLUSH_S = 600.0
MEMBRANE_S = 90.0
NOISE_UATM, ZERO_NOISE_UATM = 0.15, 0.3
PA_PER_HPA = 100.0


def record(stamp: datetime, pressures_pa: tuple[int, int], flags: tuple[int, int, int], values: tuple[int, int, int]) -> bytes:
    """One record. ``pressures_pa``: fields 12 and 13; ``flags``: zero, flush, pump; ``values``: estimate, pCO2, xCO2 in thousandths."""
    zero, flush, pump = flags
    body = (
        f"CODS4,0,0,D,0,0,{stamp.year:04d}-{stamp:%m-%d,%H:%M:%S},,7,506,,{pressures_pa[0]},{pressures_pa[1]},,,1052250,24350008"
        f",{zero},{flush},{pump},,,,,107729,13839,18495,19100,441260,{values[0]},{values[1]},{values[2]}"
    ).encode()
    return b"$%b*%02x\r\n" % (body, xor(body))


def returned(since_zero_s: Array, time_s: Array | float = MEMBRANE_S) -> Array:
    """How much of the water's CO2 is back in the gas so long after a zero."""
    return 1.0 - np.exp(-np.maximum(since_zero_s, 0.0) / time_s)


class HydroC(Talker):
    """A pCO2 analyser under water that prints by itself."""

    fields = ("pco2",)
    checksum = True
    own_faults = frozenset({"zero_cycle", "pump_off", "leak", "slow_membrane", "clock_lost", "clock_step", "clock_stuck"})

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        index = np.arange(first, first + count, dtype=np.float64)
        since_zero_s = self._since_zero_s(times)
        zero = since_zero_s < 0.0
        flush = ~zero & (since_zero_s < FLUSH_S)
        water = self._of_water(times) + self.jitter(0, index, NOISE_UATM)
        return {
            "pco2": np.where(zero, self._of_zero(index), water * returned(since_zero_s)),
            "cell": np.round(CELL_PA + self.jitter(2, index, 4.0)),
            "zero": zero.astype(np.float64),
            "flush": flush.astype(np.float64),
            "pump": np.ones(count),
        }

    def _since_zero_s(self, times_ms: Array) -> Array:
        """Seconds since the last zero of the schedule was over; negative while it lasts."""
        return np.asarray(times_ms % self.setting.settings.zero_every / 1e3 - ZERO_S)

    def _of_water(self, times_ms: Array) -> Array:
        return self.under_water(times_ms)["pco2_water"]

    def _of_zero(self, index: Array) -> Array:
        """What is left in the gas while it is zeroed (uatm)."""
        return np.abs(self.jitter(1, index, ZERO_NOISE_UATM))

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The usual way: the external pump is off; 1 zero, 2 flush."""
        name = {0: "pump", 1: "zero", 2: "flush"}.get(code, "pump")
        columns[name][row] = 0.0 if name == "pump" else 1.0

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "zero_cycle":
            self._zero_now(columns, fault)
        elif fault.name == "pump_off":
            standing = self._of_water(np.full(len(fault.hit), fault.begin_ms))
            columns["pco2"] = np.where(fault.hit, standing, columns["pco2"])
            columns["pump"] = np.where(fault.hit, 0.0, columns["pump"])
        elif fault.name == "leak":
            columns["cell"] = columns["cell"] + np.where(fault.hit, fault.magnitude * PA_PER_HPA, 0.0)
        elif fault.name == "slow_membrane":
            since_zero_s = self._since_zero_s(fault.times_ms)
            already = fault.since_ms / 1e3 >= since_zero_s
            behind = lagged(self._of_water, fault) * returned(since_zero_s, np.where(already, fault.magnitude, MEMBRANE_S))
            columns["pco2"] = np.where(fault.hit & (columns["zero"] == 0), behind, columns["pco2"])
        else:
            super().suffer(columns, fault)

    def _zero_now(self, columns: Columns, fault: Suffered) -> None:
        """A zero that began with the fault, and the flush after it."""
        since_zero_s = fault.since_ms / 1e3 - fault.magnitude
        zero = fault.hit & (since_zero_s < 0.0)
        flush = fault.hit & ~zero & (since_zero_s < FLUSH_S)
        back = np.where(fault.hit, columns["pco2"] * returned(since_zero_s), columns["pco2"])
        columns["pco2"] = np.where(zero, self._of_zero(np.round(fault.times_ms)), back)
        columns["zero"] = np.where(zero, 1.0, columns["zero"])
        columns["flush"] = np.where(flush, 1.0, columns["flush"])

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row, t_ms in enumerate(self.times_ms(first, len(columns["pco2"])).tolist()):
            value = {name: float(values[row]) for name, values in columns.items()}
            xco2 = value["pco2"] * STANDARD_PA / value["cell"]
            flags = (int(value["zero"]), int(value["flush"]), int(value["pump"]))
            cell = int(value["cell"])
            milli = round(xco2 * 1e3)
            numbers = (round(xco2 * 991.0), round(milli * cell / STANDARD_PA), milli)
            out.append(record(clock(columns, row, t_ms), (cell + 3317, cell), flags, numbers))
        return out

    def spoil(self, record: bytes) -> bytes:
        return spoiled(record, len(record) - 4, len(record) - 2)
