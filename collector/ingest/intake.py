"""From messages to what one transaction takes in: each record is checked by itself, and what cannot be taken is parked with its reason.

A message or record that is refused never holds up its neighbours. Reasons are short stable words: ``bad_topic``, ``not_ours``,
``version``, ``too_large``, ``bad_frame``, ``bad_hash``, ``bad_record``, ``wrong_station``, ``unknown_station``, ``bad_stream``,
``simulated``, ``future``. A parked record is not in the acknowledgement, so its station sends it again at growing intervals; it is
taken as soon as the reason is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from collector.ingest.inbox import Item
from collector.store.ledger import STREAM_NAME
from collector.store.store import MAX_PARKED_BYTES, Batch, BirthBody, Parked
from firmware_config.base.mqtt import Message
from firmware_config.errors import WireError
from firmware_config.messages import Birth
from firmware_config.records import MAX_BODY_BYTES, Record, decode_batch, decode_message, unpack, unseal
from firmware_config.topics import parse_topic

NEVER = 2**63
MAX_STREAMS = 1_000


def parked(station: str, reason: str, explanation: str, topic: str, payload: bytes) -> Parked:
    """Something set aside, with a bounded copy and the digest of the whole."""
    digest = blake2b(payload, digest_size=16).hexdigest()
    return Parked(station, reason, explanation, topic[:500], payload[:MAX_PARKED_BYTES], len(payload), digest)


def check_time(end_ms: int, latest: int) -> None:
    """WireError when what a message tells of ends later than it may."""
    if end_ms > latest:
        raise WireError("future", f"it reaches to {end_ms} ms, later than the centre's clock allows ({latest} ms)")


class Intake:
    """The rules of one centre: which stations, whether simulated records, how far ahead of its own clock."""

    def __init__(self, *, centre: str, accept_simulated: bool, future_ms: int, stations: frozenset[str] | None, max_stations: int) -> None:
        self._centre = centre
        self._accept_simulated = accept_simulated
        self._future_ms = future_ms
        self._allowed = stations
        self._max_stations = max_stations
        self.known: set[str] = set()
        """stations heard of; the store's are put in at the start"""
        self._streams: set[str] = set()
        """names of streams that were found right"""

    def admit(self, station: str) -> None:
        """WireError when this station may not be heard."""
        if station in self.known:
            return
        if station == self._centre:
            raise WireError("unknown_station", f"{station} is this centre's own id; no station may use it")
        if self._allowed is not None and station not in self._allowed:
            raise WireError("unknown_station", f"station {station} is not in the centre's list of stations")
        if len(self.known) >= self._max_stations:
            raise WireError("unknown_station", f"station {station} would be one more than max_stations ({self._max_stations})")
        self.known.add(station)

    def check_simulated(self, simulated: bool) -> None:
        """WireError when this came from a simulator and this centre is a real one."""
        if simulated and not self._accept_simulated:
            raise WireError("simulated", "made by a simulator; this centre takes real stations only (accept_simulated: false)")

    def latest(self, now_ms: int, *, clock_is_set: bool) -> int:
        """The latest time that may stand in a message now: what a wrong clock stamps must not outlive it as the newest there is."""
        return now_ms + self._future_ms if clock_is_set else NEVER

    def sort(self, items: Sequence[Item], now_ms: int, *, clock_is_set: bool) -> Batch:
        """Everything of ``items``, either accepted or parked."""
        batch = Batch()
        latest = self.latest(now_ms, clock_is_set=clock_is_set)
        for item in items:
            if isinstance(item, Message):
                self._message(item, batch, latest)
            elif isinstance(item, Parked):
                batch.parked.append(item)
            else:
                batch.births.append(item)
        return batch

    def _message(self, message: Message, batch: Batch, latest: int) -> None:
        station = ""
        try:
            station, _ = parse_topic(message.topic)
            self.admit(station)
            pairs = decode_batch(message.payload)
        except WireError as error:
            batch.parked.append(parked(station, error.reason, str(error), message.topic, message.payload))
            return
        for digest, body in pairs:
            try:
                sealed = unseal(body, digest)
                self._check(sealed.record, station, len(body), latest)
            except WireError as error:
                batch.parked.append(parked(station, error.reason, str(error), message.topic, body))
                continue
            batch.accepted.append(sealed)

    def _check(self, record: Record, station: str, size: int, latest: int) -> None:
        usual = record.station == station and size <= MAX_BODY_BYTES and record.t >= 0 and record.t + record.dt <= latest
        if usual and record.stream in self._streams and (self._accept_simulated or not record.simulated):
            return
        if record.station != station:
            raise WireError("wrong_station", f"a record of {record.station[:64]} on the topic of {station}")
        if size > MAX_BODY_BYTES:
            raise WireError("too_large", f"record of {size} bytes; the limit is {MAX_BODY_BYTES}")
        if record.simulated and not self._accept_simulated:
            self.check_simulated(record.simulated)
        if record.t < 0:
            raise WireError("bad_record", f"record of {record.t} ms: no time lies before 1970")
        check_time(record.t + record.dt, latest)
        if not STREAM_NAME.match(record.stream):
            raise WireError("bad_stream", f"stream {record.stream[:64]!r}: use a-z 0-9 _, at most 32 characters")
        if len(self._streams) < MAX_STREAMS:
            self._streams.add(record.stream)

    def birth(self, station: str, payload: bytes) -> tuple[Birth, BirthBody]:
        """A birth, checked, and what to keep of it."""
        self.admit(station)
        birth = decode_message(payload, Birth)
        if birth.station != station:
            raise WireError("wrong_station", f"a birth of {birth.station[:64]} on the topic of {station}")
        self.check_simulated(birth.simulated)
        return birth, BirthBody(station, unpack(payload))
