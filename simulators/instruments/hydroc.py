"""CONTROS HydroC CO2: ``$CODS4,…*hh`` CR LF, integers scaled by a thousand, XOR check sum in lower-case hexadecimal.

Fields as established from real lines (field 0 is the header): 6 date, 7 time, 12 and 13 pressures in Pa (13 of the gas in the
cell), 18 zero, 19 flush, 20 external pump, 30 estimate, 31 partial pressure (uatm x 1000), 32 mole fraction (ppm x 1000), where
field31 = field32 field13 / 101325. The others are not established and stay constant. Every ``zero_every`` the instrument zeroes for
two minutes and flushes for ten, when its values are not of the water.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Talker
from simulators.instruments.checksums import spoiled, xor

STANDARD_PA = 101_325.0
CELL_PA = 99_470.0
ZERO_S = 120.0
FLUSH_S = 600.0
MEMBRANE_S = 90.0
NOISE_UATM = 0.15


def record(t_ms: float, pressures_pa: tuple[int, int], flags: tuple[int, int, int], values: tuple[int, int, int]) -> bytes:
    """One record. ``pressures_pa``: fields 12 and 13; ``flags``: zero, flush, pump; ``values``: estimate, pCO2, xCO2 in thousandths."""
    stamp = datetime.fromtimestamp(int(t_ms // 1000), UTC)
    zero, flush, pump = flags
    body = (
        f"CODS4,0,0,D,0,0,{stamp:%Y-%m-%d,%H:%M:%S},,7,506,,{pressures_pa[0]},{pressures_pa[1]},,,1052250,24350008,{zero},{flush},{pump}"
        f",,,,,107729,13839,18495,19100,441260,{values[0]},{values[1]},{values[2]}"
    ).encode()
    return b"$%b*%02x\r\n" % (body, xor(body))


class HydroC(Talker):
    """A pCO2 analyser under water that prints by itself."""

    fields = ("pco2",)
    checksum = True

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.under_water(times)
        index = np.arange(first, first + count, dtype=np.float64)
        into_s = times % self.setting.settings.zero_every / 1e3
        zero = into_s < ZERO_S
        flush = ~zero & (into_s < ZERO_S + FLUSH_S)
        water = state["pco2_water"] + self.jitter(0, index, NOISE_UATM)
        back = 1.0 - np.exp(-np.maximum(into_s - ZERO_S, 0.0) / MEMBRANE_S)
        return {
            "pco2": np.where(zero, np.abs(self.jitter(1, index, 0.3)), water * back),
            "cell": np.round(CELL_PA + self.jitter(2, index, 4.0)),
            "zero": zero.astype(np.float64),
            "flush": flush.astype(np.float64),
            "pump": np.ones(count),
        }

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The usual way: the external pump is off; 1 zero, 2 flush."""
        name = {0: "pump", 1: "zero", 2: "flush"}.get(code, "pump")
        columns[name][row] = 0.0 if name == "pump" else 1.0

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row, t_ms in enumerate(self.times_ms(first, len(columns["pco2"])).tolist()):
            value = {name: float(values[row]) for name, values in columns.items()}
            xco2 = value["pco2"] * STANDARD_PA / value["cell"]
            flags = (int(value["zero"]), int(value["flush"]), int(value["pump"]))
            cell = int(value["cell"])
            milli = round(xco2 * 1e3)
            out.append(record(t_ms, (cell + 3317, cell), flags, (round(xco2 * 991.0), round(milli * cell / STANDARD_PA), milli)))
        return out

    def spoil(self, record: bytes) -> bytes:
        return spoiled(record, len(record) - 4, len(record) - 2)
