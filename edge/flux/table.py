"""The table that comes out: FLUXNET names and units, local time UTC+8, -9999 for missing.

Names as in the FLUXNET half-hourly format and EddyPro's output of that name; mixing ratios (per dry air) under their own names.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TextIO

from edge.compute.messages import Answer

LOCAL = timedelta(hours=8)
MISSING = "-9999"
NAMES: dict[str, str] = {
    "TAU": "momentum_flux",
    "H": "sensible_heat_flux",
    "LE": "latent_heat_flux",
    "FC": "co2_flux",
    "FH2O": "h2o_flux",
    "USTAR": "friction_velocity",
    "MO_LENGTH": "obukhov_length",
    "ZL": "stability_parameter",
    "WS": "wind_speed",
    "WD": "wind_from_direction",
    "T_SONIC": "sonic_temperature",
    "CO2_MIXING_RATIO": "co2_mole_fraction",
    "H2O_MIXING_RATIO": "h2o_mole_fraction",
    "CO2_TLAG_USED": "lag_co2",
    "H2O_TLAG_USED": "lag_h2o",
    "ROT_YAW": "rotation_yaw",
    "ROT_PITCH": "rotation_pitch",
}
"""FLUXNET name → quantity; units are the same (kg m-1 s-2, W m-2, umol and mmol m-2 s-1, m s-1, m, degC, umol and mmol mol-1, s, degree)"""
CLASSES = {
    "TAU_SSITC_TEST": "momentum_flux",
    "H_SSITC_TEST": "sensible_heat_flux",
    "LE_SSITC_TEST": "latent_heat_flux",
    "FC_SSITC_TEST": "co2_flux",
    "FH2O_SSITC_TEST": "h2o_flux",
}
HEADER = ("TIMESTAMP_START", "TIMESTAMP_END", "FILENAME_HF", *NAMES, *CLASSES)


def stamp(t_ms: int) -> str:
    """A time as FLUXNET writes it, in UTC+8.

    >>> stamp(0)
    '197001010800'
    """
    return (datetime.fromtimestamp(t_ms / 1000, UTC) + LOCAL).strftime("%Y%m%d%H%M")


def row_of(name: str, start_ms: int, duration_ms: int, answer: Answer) -> list[str]:
    """One line of the table."""
    numbers = [answer.values.get(quantity) for quantity in NAMES.values()]
    classes = [answer.classes.get(quantity) for quantity in CLASSES.values()]
    return [
        stamp(start_ms),
        stamp(start_ms + duration_ms),
        name,
        *(MISSING if value is None else f"{value:.6g}" for value in numbers),
        *(MISSING if quality is None else str(quality) for quality in classes),
    ]


def write(rows: Iterable[list[str]], to: TextIO) -> None:
    """Header and rows, sorted by time."""
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(sorted(rows))
