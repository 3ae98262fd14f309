"""The other messages beside records: state, birth, ack, live, and the events the ledger understands.

All are JSON objects (`firmware_config.records.encode_message`), unknown fields are ignored by readers.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from firmware_config.records import ClockQuality, Value


class StationState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``state`` of a station, retained; the last will says ``offline``. ``t``: when it was sent (of a will: made), by a clock of this
    quality."""

    state: Literal["online", "offline", "stopping"]
    t: int = 0
    clock: ClockQuality = "synchronised"
    simulated: bool = False


class CentreState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``state`` of the centre, retained; stations send only while it is ``listening``. ``since`` changes at each start."""

    state: Literal["listening", "full", "gone"]
    t: int = 0
    since: int = 0


class BirthSeries(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One series a station reports: its unit and the tests run on it."""

    unit: str
    instrument: str = ""
    tests: list[str] = []
    stream: str = ""


class Birth(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``birth``, retained: what the station is and says. ``epochs`` gives the present epoch and the one before it, if any."""

    station: str
    t: int
    software: str
    config_hash: str
    name: dict[str, str] = {}
    platform: str = ""
    surface: str = ""
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    timezone: str = "Asia/Shanghai"
    epoch: int = 0
    previous_epoch: int | None = None
    boot_id: str = ""
    streams: dict[str, int] = {}
    """stream → usual period in ms (0: irregular)"""
    series: dict[str, BirthSeries] = {}
    instruments: list[dict[str, Any]] = []
    """id, model, place, serial_number, link"""
    site: dict[str, Any] = {}
    """the station's site.geojson"""
    simulated: bool = False


class Ack(msgspec.Struct, kw_only=True):
    """``ack``, retained: the centre's whole committed state of this station: stream → epoch (as text) → ranges."""

    t: int
    streams: dict[str, dict[str, list[tuple[int, int]]]]


class Live(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``live``, QoS 0, not stored: newest value and flag per series."""

    t: int
    clock: ClockQuality
    values: dict[str, Value]
    flags: dict[str, int] = {}
    ages_s: dict[str, float] = {}
    simulated: bool = False


class Command(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``cmd``: the centre asks a station for something. Not carried out after ``expires`` (UTC ms; 0: never expires), nor twice."""

    id: str
    command: str
    expires: int = 0
    args: dict[str, Any] = {}


class Reply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``reply``: what became of the command with this ``id``."""

    id: str
    t: int
    ok: bool
    text: str = ""
    detail: dict[str, Any] = {}


NUMBERS_UNUSED = "numbers_unused"
"""Event kind: ``detail`` = {stream, epoch, ranges, reason}: these numbers were reserved and never given to a record."""
RECORDS_LOST = "records_lost"
"""Event kind: ``detail`` = {stream, epoch, ranges, reason, count}: these records existed and can never be delivered."""
