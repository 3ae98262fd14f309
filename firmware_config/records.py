"""Records and the wire codec: how a measurement is written once and carried unchanged.

A record is serialised exactly once, by the station that numbers it. The bytes of that one serialisation (its *body*) are
what the outbox keeps, what travels, what the ledger keeps and what the hash covers; nobody re-encodes them. Fields a
reader does not know therefore survive untouched.

On the wire a batch is ``{"v":1,"records":[["<hash>",{body}],…]}``, as JSON or as the same JSON in one zstd frame; the first
byte tells which (``{`` or 0x28). Everything from outside is limited in bytes and count before it is decoded.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import zstandard

from firmware_config.errors import WireError

ClockQuality = Literal["synchronised", "holdover", "unset"]
T = TypeVar("T")
Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What SQLite, JSON readers and line protocol can all hold; a larger number in a body makes it no record."""
TOP = 2**53
"""Whole numbers below it are exact for every reader of JSON."""
Count = Annotated[int, msgspec.Meta(ge=0, lt=TOP)]
Small = Annotated[int, msgspec.Meta(ge=0, le=9)]
Value = float | Integer | str | bool | None

MAX_PAYLOAD_BYTES = 512 * 1024
MAX_UNPACKED_BYTES = 4 * 1024 * 1024
MAX_BATCH_RECORDS = 500
MAX_BODY_BYTES = 256 * 1024
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
COMPRESS_FROM_BYTES = 1024


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that has no number yet.

    ``t`` is UTC in milliseconds since 1970, the record covers ``[t, t+dt)`` (``dt`` 0: an instant). ``values`` maps a series
    (``quantity@place``, statistics as ``quantity:sd@place``) to a number, text or None (missing). ``flags`` gives the QARTOD flag
    of each value. ``tests`` holds the single tests that did *not* pass (the birth names all that are run). ``classes`` is the
    0-1-2 class of a flux; ``share`` the part of the samples a mean rests on (absent: all). ``inputs`` says which source each
    derived value used. ``detail`` is for events and for anything that is not a series. ``version``/``replaces`` mark a recomputation
    of an older record ``[epoch, seq]``. ``simulated`` is set by whatever was not measured.
    """

    stream: str
    t: int
    dt: int
    clock: ClockQuality
    values: dict[str, Value]
    flags: dict[str, Small] = {}
    tests: dict[str, dict[str, Integer]] = {}
    classes: dict[str, Small] = {}
    share: dict[str, float] = {}
    inputs: dict[str, str] = {}
    detail: dict[str, Any] = {}
    version: Count = 0
    replaces: tuple[Count, Count] | None = None
    simulated: bool = False


class Record(Draft, frozen=True, kw_only=True, omit_defaults=True):
    """A numbered record: ``(station, stream, epoch, seq)`` is used once, ever, and its content never changes."""

    station: str
    epoch: int
    seq: int

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.station, self.stream, self.epoch, self.seq


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """A record as it is kept and carried: the bytes of its one serialisation and their hash."""

    record: Record
    body: bytes
    hash: str


class _Batch(msgspec.Struct):
    v: int
    records: list[tuple[str, msgspec.Raw]]


class _Zstd(threading.local):
    """One decompressor a thread: making one costs more than using it, and it must not be shared."""

    def __init__(self) -> None:
        self.decompressor = zstandard.ZstdDecompressor()


_zstd = _Zstd()
_encoder = msgspec.json.Encoder()
_record_decoder = msgspec.json.Decoder(Record)
_batch_decoder = msgspec.json.Decoder(_Batch)


def significant(value: float, digits: int = 8) -> float | None:
    """``value`` rounded to ``digits`` significant digits (None for NaN and infinity): no instrument here knows more."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else None


def content_hash(body: bytes) -> str:
    """BLAKE2b-128 of the body, 32 lower-case hex digits."""
    return blake2b(body, digest_size=16).hexdigest()


def seal(draft: Draft, *, station: str, epoch: int, seq: int) -> Sealed:
    """Give a draft its number and serialise it, once."""
    fields = {name: getattr(draft, name) for name in Draft.__struct_fields__}
    if unfit := [name for name, value in draft.values.items() if isinstance(value, float) and not math.isfinite(value)]:
        fields["values"] = {**draft.values, **dict.fromkeys(unfit)}  # JSON has no NaN: the value is missing, and says so
        fields["flags"] = {**draft.flags, **dict.fromkeys(unfit, 9)}
    record = Record(station=station, epoch=epoch, seq=seq, **fields)
    body = _encoder.encode(record)
    if len(body) > MAX_BODY_BYTES:
        raise WireError("too_large", f"record {record.key} is {len(body)} bytes; the limit is {MAX_BODY_BYTES}")
    return Sealed(record, body, content_hash(body))


def unseal(body: bytes, expected_hash: str) -> Sealed:
    """Read a body back, checking its hash; WireError ``bad_hash`` or ``bad_record`` when it is not what was sealed."""
    if content_hash(body) != expected_hash:
        raise WireError("bad_hash", "the content of a record does not match its hash")
    try:
        record = _record_decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise WireError("bad_record", f"not a record: {error}") from error
    sensible = 0 <= record.seq < TOP and 0 <= record.epoch < TOP and 0 <= record.dt < TOP and -TOP < record.t < TOP
    if not sensible:  # version and replaces are held to it by their types
        raise WireError("bad_record", f"record {record.key}: a number is out of range")
    return Sealed(record, body, expected_hash)


def pack(payload: bytes, *, compress: bool | None = None) -> bytes:
    """A JSON payload as it goes on the wire; ``compress`` None = when it is long."""
    if compress is None:
        compress = len(payload) >= COMPRESS_FROM_BYTES
    return zstandard.ZstdCompressor(level=6).compress(payload) if compress else payload


def unpack(payload: bytes) -> bytes:
    """The JSON in a payload, plain or zstd, within the size limits."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise WireError("too_large", f"payload of {len(payload)} bytes; the limit is {MAX_PAYLOAD_BYTES}")
    if not payload.startswith(ZSTD_MAGIC):
        return payload
    try:
        size = zstandard.get_frame_parameters(payload).content_size
        if not 0 <= size <= MAX_UNPACKED_BYTES:  # also refuses frames that do not state their size
            raise WireError("too_large", f"zstd frame of {size} bytes; the limit is {MAX_UNPACKED_BYTES}")
        unpacked: bytes = _zstd.decompressor.decompress(payload, max_output_size=MAX_UNPACKED_BYTES)
        return unpacked
    except zstandard.ZstdError as error:
        raise WireError("bad_frame", f"broken zstd frame: {error}") from error


def encode_batch(records: Iterable[tuple[str, bytes]], *, compress: bool | None = None) -> bytes:
    """The payload for ``(hash, body)`` pairs."""
    inner = b",".join(b'["' + digest.encode() + b'",' + body + b"]" for digest, body in records)
    return pack(b'{"v":1,"records":[' + inner + b"]}", compress=compress)


def decode_batch(payload: bytes) -> list[tuple[str, bytes]]:
    """The ``(hash, body)`` pairs of a payload, not yet checked (see `unseal`), in order."""
    try:
        batch = _batch_decoder.decode(unpack(payload))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise WireError("not_ours", f"not a batch of records: {error}") from error
    if batch.v != 1:
        raise WireError("version", f"batch version {batch.v}; this program reads version 1")
    if len(batch.records) > MAX_BATCH_RECORDS:
        raise WireError("too_large", f"batch of {len(batch.records)} records; the limit is {MAX_BATCH_RECORDS}")
    return [(digest, bytes(raw)) for digest, raw in batch.records]


def encode_message(message: msgspec.Struct | Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Any other message (state, birth, ack, live, …) as a payload."""
    return pack(_encoder.encode(message))


def decode_message(payload: bytes, kind: type[T]) -> T:
    """A message of a known kind; WireError when it is not one."""
    try:
        return msgspec.json.decode(unpack(payload), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise WireError("not_ours", f"not a {kind.__name__}: {error}") from error
