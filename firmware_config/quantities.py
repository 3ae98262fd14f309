"""The registry of physical quantities and the names built from them.

A series is ``quantity@place``, a statistic of it ``quantity:stat@place``. The rows are data (``quantities.yaml``); this module reads
them once and answers questions about names. A unit is never implied: whoever shows or stores a series asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import yaml

from firmware_config.errors import ContractError

Averaging = Literal["arithmetic", "circular", "sum", "last"]
STATISTICS = frozenset({"sd", "min", "max", "count", "uncertainty"})


@dataclass(frozen=True)
class Quantity:
    """One physical quantity; ``plausible`` is the closed range outside which a value cannot be meant."""

    name: str
    unit: str
    cf: str | None
    fluxnet: str | None
    label_en: str
    label_zh: str
    plausible: tuple[float, float]
    averaging: Averaging


@dataclass(frozen=True)
class SeriesParts:
    """A series name taken apart."""

    quantity: str
    statistic: str | None
    place: str


@cache
def registry() -> Mapping[str, Quantity]:
    """All quantities by name."""
    rows = yaml.safe_load(files("firmware_config").joinpath("quantities.yaml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            name: Quantity(
                name=name,
                unit=row["unit"],
                cf=None if row["cf"] == "-" else row["cf"],
                fluxnet=row.get("fluxnet"),
                label_en=row["label"][0],
                label_zh=row["label"][1],
                plausible=(float(row["range"][0]), float(row["range"][1])),
                averaging=row["averaging"],
            )
            for name, row in rows.items()
        }
    )


def quantity(name: str) -> Quantity:
    """The quantity of that name; ContractError names it when the registry has none."""
    try:
        return registry()[name]
    except KeyError:
        raise ContractError(f"quantity {name!r} is not in firmware_config/quantities.yaml; add it there") from None


def series_name(quantity_name: str, place: str, statistic: str | None = None) -> str:
    """``quantity@place`` or ``quantity:statistic@place``."""
    return f"{quantity_name}:{statistic}@{place}" if statistic else f"{quantity_name}@{place}"


def split_series(series: str) -> SeriesParts:
    """Take a series name apart; ContractError when it has no place."""
    head, at, place = series.partition("@")
    if not at or not head or not place:
        raise ContractError(f"series {series!r} is not of the form quantity@place")
    name, _, statistic = head.partition(":")
    return SeriesParts(name, statistic or None, place)


@cache
def averaging_of(series: str) -> Averaging:
    """How values of a series are averaged over time; statistics and unknown quantities arithmetically."""
    head = series.partition("@")[0]
    found = registry().get(head)
    return found.averaging if found else "arithmetic"


@cache
def describe(series: str) -> tuple[str, str, str]:
    """``(unit, English label, Chinese label)`` of a series, for people; an unknown quantity is shown by its name, without unit."""
    parts = split_series(series)
    found = registry().get(parts.quantity)
    if found is None:
        return "", series, series
    suffix_en, suffix_zh = {
        "sd": (" (standard deviation)", "(标准差)"),
        "min": (" (minimum)", "(最小)"),
        "max": (" (maximum)", "(最大)"),
        "count": (" (count)", "(个数)"),
        "uncertainty": (" (uncertainty)", "(不确定度)"),
    }.get(parts.statistic or "", ("", ""))
    unit = "1" if parts.statistic == "count" else found.unit
    return unit, found.label_en + suffix_en, found.label_zh + suffix_zh
