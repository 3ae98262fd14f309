"""The vertical wind of Gill WindMasters with the firmware that reports it too small.

Firmware 2329.x.y with x below 700 (WindMaster and WindMaster Pro, 2006 to 2015) left a factor out of the vertical wind: it must be
multiplied by 1.166 when it blows up and by 1.289 when it blows down (Gill information sheet KN1509). Decided from model and firmware;
where the firmware is not known the wind is left as it is and the window says so. Never together with the angle-of-attack correction of
Nakai & Shimoyama (2012), which found the same fault in the field.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.window import Window

UP, DOWN = 1.166, 1.289
FIRMWARE = 2329
FIRST_SOUND_RELEASE = 700

Verdict = Literal["needed", "not needed", "firmware unknown"]


def is_windmaster(model: str) -> bool:
    """Whether a model's name is that of a WindMaster or WindMaster Pro, however it is written.

    Parameters: ``model`` free text.

    >>> is_windmaster("Gill WindMaster Pro"), is_windmaster("wm_pro"), is_windmaster("HS-50")
    (True, True, False)
    """
    plain = "".join(c for c in model.lower() if c.isalnum())
    return "windmaster" in plain or plain.removeprefix("gill").rstrip("0123456789") in {"wm", "wmpro"}


def verdict(model: str, firmware: str) -> Verdict:
    """Whether the vertical wind must be multiplied.

    Parameters: ``model`` and ``firmware`` as the instrument or the metadata give them, for example ``2329-600-01`` or ``2329.700.02``.

    >>> verdict("WindMaster", "2329-600-01"), verdict("WindMaster", "2329.700.01"), verdict("WindMaster", ""), verdict("CSAT3", "")
    ('needed', 'not needed', 'firmware unknown', 'not needed')
    """
    if not is_windmaster(model):
        return "not needed"
    numbers = [int(number) for number in "".join(c if c in "0123456789" else " " for c in firmware).split()]
    if not numbers or (numbers[0] == FIRMWARE and len(numbers) < 2):
        return "firmware unknown"
    return "needed" if numbers[0] == FIRMWARE and numbers[1] < FIRST_SOUND_RELEASE else "not needed"


def boosted(w: FloatArray, up: float = UP, down: float = DOWN) -> FloatArray:
    """The vertical wind with the factors that the firmware left out.

    Parameters: ``w`` (n,) m s-1 in the sonic's own frame, up positive. NaN stays NaN.

    >>> boosted(np.array([1.0, -1.0, 0.0])).tolist()
    [1.166, -1.289, 0.0]
    """
    return np.asarray(w * np.where(w > 0.0, up, down))


def step(window: Window, *, model: str, firmware: str) -> Window:
    """Correct ``wind_w`` where it must be; value ``vertical_wind_boosted`` 1 or 0, and a reason when the firmware is not known."""
    w = window.series.get("wind_w")
    if w is None or not is_windmaster(model):
        return window
    found = verdict(model, firmware)
    if found == "firmware unknown":
        why = f"the firmware of the {model} is not known ({firmware or 'nothing given'}): its vertical wind may be a fifth too small"
        return window.found({"flag_vertical_wind_firmware": 1.0, "vertical_wind_boosted": 0.0}, {"vertical_wind_boosted": why})
    window = window.found({"flag_vertical_wind_firmware": 0.0, "vertical_wind_boosted": float(found == "needed")})
    return window.with_series({"wind_w": boosted(w)}) if found == "needed" else window
