"""LI-COR LI-850 and LI-830 (LI-840A, LI-820 alike): XML records and commands. LI-COR's LI-850 grammar, LI-820 manual appendix D.

``<li850><data><celltemp>…</celltemp>…</data></li850>`` LF, numbers as 5.1221e1, no check sum. Elements, in any order: celltemp (degC),
cellpres (kPa), co2 (ppm), h2o (mmol/mol), h2odewpoint (degC), ivolt (V), flowrate (L/min), co2abs, h2oabs. Commands are XML ending in
LF, in either case: ``<li850><data>?</data></li850>`` asks for a record, ``<rs232>`` says which elements appear (TRUE, FALSE), ``<source>``
tells the lamp's hours; each is answered ``<ack>true</ack>`` or ``false``. CO2 is the mole fraction in the air as it is, water included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from xml.etree import ElementTree

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, column
from simulators.world import physics

ROOTS = ("li850", "li840", "li820", "li830")
USUAL = ("celltemp", "cellpres", "co2", "h2o", "h2odewpoint", "ivolt")
KNOWN = (*USUAL, "flowrate", "co2abs", "h2oabs")
CELL_C = 51.2
CELL_BELOW_AIR_KPA = 2.9
FLOW_L_MIN = 0.75
CO2_NOISE_PPM = 0.15
LONGEST_COMMAND = 2000


def number(value: float) -> str:
    """51.221 is 5.1221e1, 9.87 is 9.8700e0."""
    mantissa, _, exponent = f"{value:.4e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def element(root: str, name: str, content: str) -> bytes:
    return f"<{root}><{name}>{content}</{name}></{root}>\n".encode()


def data_record(values: Mapping[str, float], root: str = "li850") -> bytes:
    """One record with these elements in this order."""
    return element(root, "data", "".join(f"<{name}>{number(value)}</{name}>" for name, value in values.items()))


class Li850(Talker):
    """A closed-cell analyser that draws air through a pump."""

    fields = ("co2", "h2o", "celltemp", "cellpres")
    checksum = False
    own_faults = frozenset({"cold_cell", "pump_off", "water_in_line"})
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._root = str(setting.option("root", "li850")).lower()
        self._shown = [name for name in str(setting.option("elements", " ".join(USUAL))).replace(",", " ").lower().split() if name in KNOWN]
        self._held: dict[float, dict[str, float]] = {}
        self._half = b""

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.setting.feed.state(times)
        index = np.arange(first, first + count, dtype=np.float64)
        vapour = state["h2o_mole_fraction"]
        moist = 1.0 + vapour / 1e3
        partial = vapour / 1e3 / moist * state["air_pressure"]
        dew = np.array([_dew_point_c(p) for p in partial.tolist()])
        return {
            "co2": state["co2_air"] / moist + self.jitter(0, index, CO2_NOISE_PPM),
            "h2o": vapour / moist + self.jitter(1, index, 0.01),
            "celltemp": CELL_C + self.jitter(2, index, 0.01),
            "cellpres": state["air_pressure"] / 10.0 - CELL_BELOW_AIR_KPA,
            "h2odewpoint": dew,
            "ivolt": 12.03 + self.jitter(3, index, 0.01),
            "flowrate": FLOW_L_MIN + self.jitter(4, index, 0.005),
            "co2abs": 0.0866 * np.ones(count), "h2oabs": 0.0497 * np.ones(count),
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The instrument has no flag: its cell is not at its temperature."""
        columns["celltemp"][row] = 24.0

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "cold_cell":
            columns["celltemp"] = np.where(fault.hit, fault.magnitude, columns["celltemp"])
        elif fault.name == "water_in_line":
            columns["h2o"] = np.where(fault.hit, 60.0, columns["h2o"])
            index = np.round(fault.times_ms)
            columns["co2"] = columns["co2"] + np.where(fault.hit, self.jitter(9, index, fault.magnitude), 0.0)
        elif fault.hit.any():  # pump_off: the same air stays in the cell
            row = int(np.argmax(fault.hit))
            held = self._held.setdefault(fault.begin_ms, {name: float(columns[name][row]) for name in ("co2", "h2o")})
            for name, value in (held | {"flowrate": 0.0}).items():
                columns[name] = np.where(fault.hit, value, columns[name])

    def _record(self, columns: Columns, row: int) -> bytes:
        return data_record({name: column(columns, name, row) for name in self._shown}, self._root)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        return [self._record(columns, row) for row in range(len(columns["co2"]))]

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        lines = (self._half + data).split(b"\n")
        self._half = lines.pop()[-LONGEST_COMMAND:]
        return b"".join(self._reply(line.strip().decode("ascii", "replace").lower(), look) for line in lines if line.strip())

    def _reply(self, command: str, look: Callable[[], Columns]) -> bytes:
        try:
            tree = ElementTree.fromstring(command) if "<!" not in command else None  # noqa: S314 - no declarations, so no entities
        except ElementTree.ParseError:
            tree = None
        if tree is None or tree.tag not in ROOTS or len(tree) == 0:
            return element(self._root, "ack", "false")
        part = tree[0]
        if part.tag == "data" and (part.text or "").strip() == "?":
            return self._record(look(), 0)
        if part.tag == "source" and (part.text or "").strip() == "?":
            return element(self._root, "source", "1234")
        if part.tag == "rs232":
            return self._show(part)
        return element(self._root, "ack", "false")

    def _show(self, part: ElementTree.Element) -> bytes:
        wanted = {child.tag: (child.text or "").strip() for child in part}
        if not wanted or set(wanted) - set(KNOWN) or not all(re.fullmatch("true|false", text) for text in wanted.values()):
            return element(self._root, "ack", "false")
        for name, text in wanted.items():
            self._shown = [shown for shown in self._shown if shown != name] + ([name] if text == "true" else [])
        return element(self._root, "ack", "true")


def _dew_point_c(vapour_hpa: float) -> float:
    """Where air of this vapour pressure is saturated, by halving."""
    low, high = -60.0, 60.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if float(physics.saturation_vapour_pressure_hpa(np.array([middle]))[0]) < vapour_hpa:
            low = middle
        else:
            high = middle
    return low
