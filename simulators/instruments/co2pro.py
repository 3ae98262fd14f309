"""Pro-Oceanus CO2-Pro Atmosphere: one line a measurement, water and air in turn. After the parser of the OOI programme.

``#YYYY/MM/DD HH:MM:SS, M,zero,current,xCO2,irgaT,humidity,humidityT,pressure,detectorT,sourceT,W`` CR LF; the last letter W water, A air.
xCO2 in ppm of the gas stream, its pressure in mbar: pCO2 = xCO2 p / 1013.25. A cycle is 8 lines of water, 4 of air (the first of each
still tells of the other), then one zero line with Z in place of M.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Suffered, Talker, clock, column, lagged, marked
from simulators.world.noise import Array

STANDARD_MBAR = 1013.25
CYCLE = "WWWWWWWWAAAAZ"
SET_POINT_C = 40.1
COLD_C = 31.4
STREAM_ABOVE_AIR_MBAR = 12.0
KEPT_OF_BEFORE = 0.35
"""share of the other gas left in the loop in the first line after a change"""


def record(
    stamp: datetime,
    counts: tuple[int, int],
    xco2_ppm: float,
    irga_c: float,
    humidity: tuple[float, float],
    pressure_mbar: float,
    temperatures_c: tuple[float, float],
    *,
    letter: str,
    kind: str = "M",
) -> bytes:
    """One line. ``counts``: zero and current A/D; ``humidity``: mbar and its temperature; ``temperatures_c``: detector, source."""
    numbers = (
        f"{counts[0]},{counts[1]},{xco2_ppm:.2f},{irga_c:.1f},{humidity[0]:.3f},{humidity[1]:.3f},{pressure_mbar:.0f},"
        f"{temperatures_c[0]:.1f},{temperatures_c[1]:.1f}"
    )
    day = f"{stamp.year:04d}/{stamp:%m/%d %H:%M:%S}"
    return f"#{day}, {kind},{numbers},{letter}\r\n".encode()


class Co2Pro(Talker):
    """A CO2-Pro Atmosphere that prints by itself."""

    fields = ("xco2",)
    checksum = False
    own_faults = frozenset({"clock_lost", "clock_stuck", "warm_up", "valve_stuck", "slow_membrane", "condensation"})
    inserts = (("reboot_banner", b"CO2-Pro ATM\r\n"),)

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.under_water(times)
        index = np.arange(first, first + count, dtype=np.int64)
        step = index % len(CYCLE)
        air = np.array([CYCLE[k] == "A" for k in step.tolist()])
        pressure = state["air_pressure"] + STREAM_ABOVE_AIR_MBAR
        of_air = state["co2_air"]
        of_water = state["pco2_water"] * STANDARD_MBAR / pressure
        kept = np.where((step == CYCLE.index("A")) | (step == 0), KEPT_OF_BEFORE, 0.0)
        xco2 = np.where(air, of_air + kept * (of_water - of_air), of_water + kept * (of_air - of_water))
        noise_index = index.astype(np.float64)
        return {
            "xco2": xco2 + self.jitter(0, noise_index, 0.2), "water": of_water,
            "pressure": pressure, "irga": SET_POINT_C + self.jitter(1, noise_index, 0.03),
            "zero": 43_030.0 + self.jitter(2, noise_index, 6.0),
            "humidity": np.where(air, 14.0, 21.2) + self.jitter(3, noise_index, 0.2), "air": air.astype(np.float64),
            "is_zero": (step == CYCLE.index("Z")).astype(np.float64), "time_ms": times,
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """No flag of its own: the IRGA is not at its set point."""
        columns["irga"][row] = COLD_C

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "warm_up":
            columns["irga"] = np.where(fault.hit, fault.magnitude, columns["irga"])
            columns["xco2"] = columns["xco2"] + np.where(fault.hit, 90.0, 0.0)
        elif fault.name == "valve_stuck":
            columns["xco2"] = np.where(fault.hit, columns["water"], columns["xco2"])
        elif fault.name == "slow_membrane":
            columns["xco2"] = np.where(fault.hit & (columns["air"] == 0), self._slow(columns, fault), columns["xco2"])
        elif fault.name == "condensation":
            columns["humidity"] = np.where(fault.hit, 42.0, columns["humidity"])
        else:
            super().suffer(columns, fault)

    def _slow(self, columns: Columns, fault: Suffered) -> Array:
        """The water as it comes through the membrane, evened out over its time."""
        return np.asarray(lagged(lambda t: self.under_water(t)["pco2_water"], fault) * STANDARD_MBAR / columns["pressure"])

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row in range(len(columns["xco2"])):
            irga, xco2 = column(columns, "irga", row), column(columns, "xco2", row)
            zero = round(column(columns, "zero", row))
            is_zero = marked(columns, "is_zero", row) > 0
            current = zero if is_zero else round(zero * (1.0 - 0.061 * (1.0 - np.exp(-xco2 / 400.0)) / 0.632))
            out.append(
                record(
                    clock(columns, row, column(columns, "time_ms", row)),
                    (zero, current),
                    0.0 if is_zero else xco2,
                    irga,
                    (column(columns, "humidity", row), 28.48),
                    column(columns, "pressure", row),
                    (irga - 0.2, irga + 0.3),
                    letter="A" if marked(columns, "air", row) else "W",
                    kind="Z" if is_zero else "M",
                )
            )
        return self.interrupted(columns, out)
