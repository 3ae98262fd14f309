"""Sunburst SAMI2-pCO2: hex records to fields, and pCO2 from the absorbances of the indicator.

A measurement needs the last blank (pure water in the cell), which is a record of its own, and the coefficients of the unit and reagent bag
from the station file. Without either, with a blank that is too old, or with light that fails the card's rules there is no pCO2, and the
reason stands with the record. The equation is `pco2_uatm`. A blank comes from the stream, or from an earlier run through `recall`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from edge.instruments.judge import Judge
from edge.instruments.reading import Decoded, Ignored, Rejected
from firmware_config.cards.schema import Card

_STATUS = re.compile(r":([0-9A-F]{8})([0-9A-F]{4})([0-9A-F]{6})([0-9A-F]{6})([0-9A-F]{6})([0-9A-F]{2})")
_STATUS_FIELDS = ("elapsed", "flags", "records", "errors", "bytes", "id")
_ERROR = re.compile(r"\?([0-9A-F]{2})")
_SETTINGS = re.compile(r"(?:[0-9A-F]{2}){256,257}")
_MEASUREMENT, _BLANK, _PUMP, _CONTROL = 0x04, 0x05, 0x11, 0x80
_WITH_BATTERY = frozenset({0xC0, 0xC1})
_LENGTHS = {_MEASUREMENT: 39, _BLANK: 39, _PUMP: 7}
_BRIGHT = (2, 3, 4, 5, 10, 11, 12, 13)
"""reference and signal at 434 and 620 nm, before and after; the dark reading of the same channel stands at 0, 1, 8, 9"""
_RATIO_434, _RATIO_620 = 6, 7


def celsius(counts: int, full: int) -> float | None:
    """Temperature of the thermistor from its ``counts`` of ``full`` (4096 or 16384), degC; None at either end of the scale.

    Steinhart-Hart with a bridge of 17.4 kOhm: instruments.md, section 7.

    >>> round(celsius(0x08C0, 4096), 4)
    7.3815
    """
    if not 0 < counts < full:
        return None
    log_ohm = math.log(counts / (full - counts) * 17_400)
    kelvin: float = 1 / (0.0010183 + 0.000241 * log_ohm + 1.5e-7 * log_ohm**3)
    return kelvin - 273.15


def pco2_uatm(absorbance_434: float, absorbance_620: float, temperature_c: float, coefficients: Mapping[str, float]) -> float | None:
    """pCO2 of the water (uatm) from the indicator's absorbances at 434 and 620 nm and the temperature (degC).

    ``coefficients``: calt (degC), cala, calb, calc of the unit. None where the equation has no real solution.
    Bromothymol blue ratio method, DeGrandpre et al. 1995; form and constants of the OOI data product PCO2WAT.

    The reference record m3 and its blank:

    >>> a434, a620 = -math.log10(2899 / 11643), -math.log10(6525 / 19027)
    >>> round(pco2_uatm(a434, a620, celsius(0x07DA, 4096), {"calt": 5.1, "cala": 0.0441, "calb": 0.642, "calc": -1.532}), 4)
    427.7044
    """
    e1, e2, e3 = 0.0043, 2.136, 0.2105
    cal_t, cal_a, cal_b, cal_c = (coefficients[name] for name in ("calt", "cala", "calb", "calc"))
    if absorbance_434 <= 0 or cal_a == 0:
        return None
    ratio = absorbance_620 / absorbance_434
    if not e1 < ratio < e2 / e3:
        return None
    r1 = -math.log10((ratio - e1) / (e2 - e3 * ratio))
    r2 = r1 + 0.008 * (temperature_c - cal_t)
    at_cal_t = r1 + (0.0075778 - 0.0012389 * r2 - 0.00048757 * r2 * r2) * (temperature_c - cal_t)
    inside = cal_b * cal_b - 4 * cal_a * (cal_c - at_cal_t)
    if inside < 0:
        return None
    exponent = (-cal_b + math.sqrt(inside)) / (2 * cal_a)
    return float(10**exponent) if abs(exponent) < 12 else None


class SunburstDecoder:
    """Records of one SAMI2-pCO2. ``coefficients``: gives those of the calibration in force, lower case; empty when there is none."""

    def __init__(self, card: Card, options: Mapping[str, Any], coefficients: Callable[[], Mapping[str, float]]) -> None:
        given = dict(options)
        self._full = 4096 if card.option(given, "bits") == 12 else 16_384
        self._volt = 15 / 4096 if self._full == 4096 else 3 / 4000
        self._longest_age_s = float(card.option(given, "blank_days")) * 86_400
        self._needed = card.calibration.needed if card.calibration is not None else []
        self._coefficients = coefficients
        self._judge = Judge(card, options)
        self._blanks: dict[int, tuple[int, int, int]] = {}
        """id of the unit → time, ratio at 434 nm, ratio at 620 nm of its last good blank"""
        self._blanks_of_lost_clock: dict[int, tuple[int, int, int]] = {}
        """the same while its clock is lost: it replaces none that has its true time, for the clock may come back"""

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        text = body.decode("ascii", "replace").strip()
        if text.startswith("*"):
            return self._record(bytes.fromhex(text[1:]))
        if (found := _STATUS.fullmatch(text)) is not None:
            numbers = [int(part, 16) for part in found.groups()]
            return Decoded("status", {"kind": "status", **dict(zip(_STATUS_FIELDS, numbers, strict=True))}, {})
        if text.endswith("Boot>"):
            return Rejected("boot prompt", f"{text[-16:]!r}: the instrument's program stopped, its settings are lost; u leaves the prompt")
        if (error := _ERROR.fullmatch(text)) is not None:
            return Ignored(f"the instrument refuses a command, error {error[1]}", {})
        if _SETTINGS.fullmatch(text):
            return Ignored("the settings of the instrument", {})
        return Rejected("layout", f"{text[:24]!r} is no record")

    def _record(self, data: bytes) -> Decoded | Rejected:
        length, kind = data[1], data[2]
        expected = _LENGTHS.get(kind, (20 if kind in _WITH_BATTERY else 18) if kind >= _CONTROL else 0)
        if length != expected:
            why = f"{length} bytes, {expected} belong to it" if expected else "not described"
            return Rejected("layout", f"record of type 0x{kind:02X}: {why}")
        values = {"id": data[0], "type": kind, "t1904": int.from_bytes(data[3:7], "big")}
        if kind == _PUMP:
            return Decoded("external_pump", {"kind": "external_pump", **values}, {})
        return self._control(data, values) if kind >= _CONTROL else self._optical(data, values)

    def _control(self, data: bytes, values: dict[str, Any]) -> Decoded:
        for name, begin, end in (("flags", 7, 9), ("records", 9, 12), ("errors", 12, 15), ("bytes", 15, 18)):
            values[name] = int.from_bytes(data[begin:end], "big")
        if values["type"] in _WITH_BATTERY:
            values["batt_v"] = round(int.from_bytes(data[18:20], "big") * self._volt, 4)
        return Decoded("control", {"kind": "control", **values}, {})

    def _optical(self, data: bytes, values: dict[str, Any]) -> Decoded:
        words = [int.from_bytes(data[i : i + 2], "big") for i in range(7, 39, 2)]
        light, battery, thermistor = words[:14], words[14], words[15]
        kind = "blank" if values["type"] == _BLANK else "measurement"
        temperature = celsius(thermistor, self._full)
        values |= {"kind": kind, "light": light, "batt_v": round(battery * self._volt, 4)}
        values["temp_c"] = None if temperature is None else round(temperature, 4)
        dark = [light[i] for i in (0, 1, 8, 9)]
        bright = [light[i] for i in _BRIGHT]
        above = min(light[i] - light[(i & 1) + (8 if i > 7 else 0)] for i in _BRIGHT)
        values["optics"] = {"dark_lowest": min(dark), "dark_highest": max(dark), "brightest": max(bright), "least_above_dark": above}
        faults: dict[str, str] = {} if temperature is not None else {"temp_c": "the thermistor is at the end of its scale"}
        found = Decoded(kind, values, faults)
        spoiled = self._judge.verdict(found).spoiled
        blanks = self._blanks_of_lost_clock if "t1904" in spoiled else self._blanks
        if kind == "blank":
            values |= {"blank434": round(light[_RATIO_434] / 16_384, 6), "blank620": round(light[_RATIO_620] / 16_384, 6)}
            if "light" not in spoiled and min(light[_RATIO_434], light[_RATIO_620]) > 0:
                blanks[values["id"]] = (values["t1904"], light[_RATIO_434], light[_RATIO_620])
        elif "light" not in spoiled:
            pressure = self._pressure(values, temperature, blanks.get(values["id"]))
            if isinstance(pressure, str):
                faults["pco2_uatm"] = pressure
            else:
                values["pco2_uatm"] = round(pressure, 4)
        return found

    def memory(self) -> dict[str, Any]:
        """The last good blank of each unit, by id."""
        return {"blanks": {str(unit): list(blank) for unit, blank in self._blanks.items()}}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Blanks of an earlier run; their age is judged like any other's."""
        kept = memory.get("blanks")
        for unit, blank in kept.items() if isinstance(kept, dict) else ():
            whole = isinstance(blank, list) and len(blank) == 3 and all(type(x) is int and x > 0 for x in blank)
            if whole and str(unit).isdecimal():
                self._blanks[int(unit)] = (blank[0], blank[1], blank[2])

    def _pressure(self, values: dict[str, Any], temperature: float | None, blank: tuple[int, int, int] | None) -> float | str:
        """pCO2, or why there is none."""
        coefficients = self._coefficients()
        if not coefficients:
            return f"no pCO2: no calibration ({', '.join(self._needed)}) of this unit in the station file"
        if blank is None:
            return "no pCO2: no good blank since the start"
        at, blank_434, blank_620 = blank
        age = values["t1904"] - at
        if not 0 <= age <= self._longest_age_s:
            return f"no pCO2: the blank is {age / 86_400:.1f} days old by the instrument's clock"
        ratio_434, ratio_620 = values["light"][_RATIO_434], values["light"][_RATIO_620]
        if min(ratio_434, ratio_620) <= 0 or temperature is None:
            return "no pCO2: a light ratio of 0" if temperature is not None else "no pCO2 without a temperature"
        a434, a620 = -math.log10(ratio_434 / blank_434), -math.log10(ratio_620 / blank_620)
        values["optics"] |= {"absorbance_434": round(a434, 6), "absorbance_620": round(a620, 6)}
        found = pco2_uatm(a434, a620, temperature, coefficients)
        return "no pCO2: these absorbances are of no water with indicator (bubble, reagent out?)" if found is None else found
