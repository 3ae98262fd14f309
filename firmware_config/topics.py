"""MQTT topics: ``ht/1/{id}/{leaf}``. A station may touch only its own branch; the centre's state is read by all."""

from __future__ import annotations

import re

from firmware_config.errors import WireError

PREFIX = "ht/1"
LEAVES = frozenset({"data", "live", "state", "birth", "ack", "cmd", "reply"})
STATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def topic(station: str, leaf: str) -> str:
    """The topic of one leaf of a station's (or the centre's) branch."""
    if not STATION_ID.match(station):
        raise WireError("bad_station", f"station id {station!r}: use 1 to 64 of A-Z a-z 0-9 _ -")
    if leaf not in LEAVES:
        raise WireError("bad_topic", f"topic leaf {leaf!r}: one of {', '.join(sorted(LEAVES))}")
    return f"{PREFIX}/{station}/{leaf}"


def every_station(leaf: str) -> str:
    """The subscription that catches this leaf of all stations."""
    return f"{PREFIX}/+/{leaf}"


def parse_topic(text: str) -> tuple[str, str]:
    """``(station, leaf)`` of a topic; WireError when it is not one of ours."""
    parts = text.split("/")
    if len(parts) != 4 or "/".join(parts[:2]) != PREFIX or parts[3] not in LEAVES or not STATION_ID.match(parts[2]):
        raise WireError("bad_topic", f"topic {text[:200]!r} is not {PREFIX}/STATION/LEAF")
    return parts[2], parts[3]
