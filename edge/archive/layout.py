"""Columns of the raw archive and rows as text.

A row of a live file is ``slot TAB values``; a row of a ``.ghg`` adds the time of the slot in front. A missing value is an empty
field. Numbers are written as the instrument gave them, to seven significant digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

SONIC_COLUMNS: dict[str, str] = {
    "wind_u": "U (m/s)",
    "wind_v": "V (m/s)",
    "wind_w": "W (m/s)",
    "sonic_temperature": "Ts (C)",
}
"""quantity → column, of the sonic"""
GAS_COLUMNS: dict[str, str] = {
    "co2_density": "CO2 (mmol/m^3)",
    "h2o_density": "H2O (mmol/m^3)",
    "gas_temperature": "T gas (C)",
    "gas_pressure": "P gas (kPa)",
    "signal_strength": "Signal Strength",
}
"""quantity → column, of the gas analyser"""
SONIC_DIAGNOSTIC = "Sonic Diagnostic"
GAS_DIAGNOSTIC = "Gas Diagnostic"
TIME_COLUMNS = ("Seconds", "Nanoseconds", "Sequence Number")

Fragment = tuple[str, str]
"""One instrument's part of a row: its diagnostic word and its values, tab-separated."""


class Layout(msgspec.Struct, frozen=True):
    """Which quantities of sonic and analyser a window holds, in the order of the columns."""

    sonic: tuple[str, ...]
    gas: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns after the slot."""
        diagnostics = (SONIC_DIAGNOSTIC, GAS_DIAGNOSTIC) if self.gas else (SONIC_DIAGNOSTIC,)
        return (*diagnostics, *(SONIC_COLUMNS[q] for q in self.sonic), *(GAS_COLUMNS[q] for q in self.gas))

    @property
    def no_sonic(self) -> Fragment:
        return "", "\t" * (len(self.sonic) - 1)

    @property
    def no_gas(self) -> Fragment:
        return "", "\t" * max(0, len(self.gas) - 1)

    def row(self, slot: int, sonic: Fragment | None, gas: Fragment | None) -> str:
        """A line of a live file."""
        sonic_diagnostic, wind = sonic or self.no_sonic
        if not self.gas:
            return f"{slot}\t{sonic_diagnostic}\t{wind}\n"
        gas_diagnostic, densities = gas or self.no_gas
        return f"{slot}\t{sonic_diagnostic}\t{gas_diagnostic}\t{wind}\t{densities}\n"

    def empty(self) -> str:
        """What stands after the slot in a row without samples."""
        return "\t" * len(self.columns) + "\n"


def fragment(diagnostic: int | None, quantities: Sequence[str], values: Mapping[str, float | None]) -> Fragment:
    """One instrument's part of a row; a quantity it did not give, or that is not valid, is left empty."""
    texts = ["" if (value := values.get(name)) is None else f"{value:.7g}" for name in quantities]
    return "" if diagnostic is None else str(diagnostic), "\t".join(texts)


class Header(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a live file says of itself, first of all.

    ``start_ms`` is UTC, or the time since boot where ``boot_id`` is given (the clock was unset). ``slots`` is how many the whole
    window has. ``about`` holds what packing needs to know of station and instruments (see `edge.archive.metadata`).
    """

    station: str
    place: str
    name: str
    start_ms: int
    duration_ms: int
    rate_hz: float
    slots: int
    layout: Layout
    config_hash: str = ""
    boot_id: str = ""
    simulated: bool = False
    about: dict[str, Any] = {}


class Note(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is written with each block: the clock's quality, and the inputs as they stood (name → value, uncertainty, source)."""

    clock: str = "synchronised"
    inputs: dict[str, tuple[float, float, str]] = {}
