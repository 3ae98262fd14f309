"""Which calibration of an instrument is in force on a day. Pure; the station's driver and the check of the file ask the same question."""

from __future__ import annotations

import datetime

from firmware_config.station import Calibration, Instrument


def is_of_this_unit(entry: Calibration, instrument: Instrument) -> bool:
    """Whether an entry belongs to the unit that stands in the file now: it names no serial number, or this one."""
    return entry.serial_number.strip().casefold() in {"", instrument.serial_number.strip().casefold()}


def in_force(instrument: Instrument, day: datetime.date | None) -> Calibration | None:
    """The newest entry of this unit that is not later than ``day`` (None: the day is not known, and the newest of all counts)."""
    fitting = [entry for entry in instrument.calibration if is_of_this_unit(entry, instrument) and (day is None or entry.date <= day)]
    return max(fitting, key=lambda entry: entry.date, default=None)
