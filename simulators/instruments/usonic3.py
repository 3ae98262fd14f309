"""METEK uSonic-3 / USA-1: ``M:x =    10 y =    -3 z =    -1 t =  2203`` CR LF. After the telegram in Vaisala's data collection manual.

The letter: M heating off, H heating on, D heater defect. x, y, z in cm/s, t in 0.01 degC, no check sum and no word on validity. Which
way x and y point is not in that manual: here +x blows towards the north mark, +y to its left. Setting ``tight: true`` writes
the numbers without padding.
"""

from __future__ import annotations

import numpy as np

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, column, marked
from simulators.world.turbulence import Sensor

AXES = ("x", "y", "z")
HEAD = Sensor(path_m=0.131, response_s=1 / 50)
"""its path, and the time constant EddyPro 7 takes for it"""


def record(letter: str, wind_cm_s: tuple[int, int, int], t_centidegrees: int, *, tight: bool = False) -> bytes:
    """One telegram."""
    names = zip((*AXES, "t"), (*wind_cm_s, t_centidegrees), strict=True)
    return f"{letter}:{' '.join(f'{name} = {value}' if tight else f'{name} ={value:6d}' for name, value in names)}\r\n".encode()


class USonic3(Talker):
    """A streaming uSonic-3."""

    fields = ("z", "x", "y", "t")
    checksum = False
    can_be_invalid = False
    own_faults = frozenset({"minus_lost", "heater", "heater_defect", "axis_frozen"})
    inserts = (("reboot_banner", b"METEK uSonic-3\r\n"),)

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if setting.instrument.rate is None:
            raise InstrumentError(f"{self.id}: a sonic streams: give it a rate")
        self._rate = setting.instrument.rate
        self._tight = bool(setting.option("tight", False))
        self._frozen: dict[str, float] = {}

    def values(self, first: int, count: int) -> Columns:
        wind = self.setting.feed.wind(first, count, self._rate, "gill", self.setting.instrument.mounting, HEAD)
        return {
            name: np.nan_to_num(values) for name, values in zip(("x", "y", "z", "t"), (wind.u, wind.v, wind.w, wind.ts), strict=True)
        } | {"heated": np.zeros(count)}

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``heater``: on and off each half minute, with a step of temperature while on; ``axis_frozen``: x 1, y 2, z 3."""
        if fault.name == "heater":
            on = fault.hit & ((fault.since_ms // 30_000) % 2 == 0)
            columns["heated"] = np.where(on, 1.0, columns["heated"])
            columns["t"] = columns["t"] + np.where(on, fault.magnitude, 0.0)
        elif fault.name == "axis_frozen":
            name = AXES[int(np.clip(fault.magnitude, 1, 3)) - 1]
            if fault.hit.any():
                first = float(columns[name][int(np.argmax(fault.hit))])
                value = self._frozen.setdefault(f"{name}/{fault.begin_ms}", first)
                columns[name] = np.where(fault.hit, value, columns[name])
        else:
            super().suffer(columns, fault)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row in range(len(columns["x"])):
            letter = "D" if marked(columns, "heater_defect", row) else "H" if column(columns, "heated", row) else "M"
            x, y, z, t = (round(100.0 * column(columns, name, row)) for name in ("x", "y", "z", "t"))
            text = record(letter, (x, y, z), t, tight=self._tight)
            out.append(text.replace(b"-", b" ") if marked(columns, "minus_lost", row) else text)
        return self.interrupted(columns, out)
