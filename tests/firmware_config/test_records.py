"""What is sealed once arrives unchanged, and nothing else is taken for it."""

from __future__ import annotations

import hashlib
import json

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from firmware_config import records
from firmware_config.errors import WireError
from firmware_config.messages import Ack, CentreState
from firmware_config.records import Draft, decode_batch, decode_message, encode_batch, encode_message, seal, unseal

numbers = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20)
)
drafts = st.builds(
    Draft,
    stream=st.sampled_from(["minute", "eddy", "event"]),
    t=st.integers(0, 2**45),
    dt=st.integers(0, 10**8),
    clock=st.sampled_from(["synchronised", "holdover", "unset"]),
    values=st.dictionaries(st.text(max_size=20), numbers, max_size=6),
    flags=st.dictionaries(st.text(max_size=20), st.sampled_from([1, 2, 3, 4, 9]), max_size=6),
    detail=st.dictionaries(st.text(max_size=8), st.lists(st.integers(0, 9), max_size=3), max_size=3),
    simulated=st.booleans(),
)
sealed = st.builds(lambda d, e, s: seal(d, station="st-1", epoch=e, seq=s), drafts, st.integers(0, 2**40), st.integers(0, 2**40))


@given(st.lists(sealed, max_size=5), st.booleans())
def test_a_batch_carries_bodies_verbatim(batch, compress) -> None:
    payload = encode_batch([(s.hash, s.body) for s in batch], compress=compress)
    back = decode_batch(payload)
    assert back == [(s.hash, s.body) for s in batch]
    assert [unseal(body, digest).record for digest, body in back] == [s.record for s in batch]


@given(sealed)
def test_the_hash_is_blake2b_of_the_body_and_the_body_is_plain_json(one) -> None:
    assert one.hash == hashlib.blake2b(one.body, digest_size=16).hexdigest()
    plain = json.loads(one.body)
    assert (plain["station"], plain["stream"], plain["epoch"], plain["seq"]) == one.record.key


@given(sealed, st.data())
def test_any_changed_byte_is_noticed(one, data) -> None:
    at = data.draw(st.integers(0, len(one.body) - 1))
    changed = bytearray(one.body)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError) as caught:
        unseal(bytes(changed), one.hash)
    assert caught.value.reason == "bad_hash"


@given(st.binary(max_size=400))
def test_bytes_that_are_not_ours_are_refused_with_a_reason(payload) -> None:
    for data in (payload, records.ZSTD_MAGIC + payload, b'{"v":1,"records":' + payload):
        try:
            decode_batch(data)
        except WireError as error:
            assert error.reason


def test_unknown_fields_survive_because_the_body_is_never_rewritten() -> None:
    body = seal(Draft(stream="minute", t=1, dt=0, clock="holdover", values={}), station="a", epoch=1, seq=1).body
    newer = body[:-1] + b',"novelty":{"depth":[1,2]}}'
    digest = hashlib.blake2b(newer, digest_size=16).hexdigest()
    (pair,) = decode_batch(encode_batch([(digest, newer)]))
    assert pair == (digest, newer)
    assert unseal(newer, digest).record.seq == 1


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"x" * (records.MAX_PAYLOAD_BYTES + 1), "too_large"),
        (zstandard.ZstdCompressor().compress(b" " * (records.MAX_UNPACKED_BYTES + 1)), "too_large"),
        (zstandard.ZstdCompressor(write_content_size=False).compress(b"{}" * 10), "too_large"),
        (b'{"v":2,"records":[]}', "version"),
        (b'{"v":1,"records":[' + b",".join([b'["h",{}]'] * (records.MAX_BATCH_RECORDS + 1)) + b"]}", "too_large"),
        (b"[" * 100_000, "not_ours"),
        (b'{"v":1,"records":[["h",' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"]]}", None),
        (b"", "not_ours"),
    ],
)
def test_limits_hold_before_decoding(payload, reason) -> None:
    try:
        pairs = decode_batch(payload)
        for digest, body in pairs:
            unseal(body, digest)
    except WireError as error:
        if reason:
            assert error.reason == reason
    else:
        pytest.fail("taken as a batch")


def test_a_record_that_is_too_long_is_not_sealed() -> None:
    with pytest.raises(WireError, match="limit"):
        seal(Draft(stream="event", t=0, dt=0, clock="unset", values={"x": "y" * records.MAX_BODY_BYTES}), station="a", epoch=1, seq=1)


@pytest.mark.parametrize("field", ["seq", "epoch", "dt"])
def test_negative_numbers_are_refused(field) -> None:
    content = {"station": "a", "stream": "minute", "epoch": 1, "seq": 1, "t": 0, "dt": 0, "clock": "unset", "values": {}} | {field: -1}
    body = json.dumps(content).encode()
    with pytest.raises(WireError) as caught:
        unseal(body, hashlib.blake2b(body, digest_size=16).hexdigest())
    assert caught.value.reason == "bad_record"


def test_messages_round_trip_and_ignore_what_they_do_not_know() -> None:
    ack = Ack(t=5, streams={"minute": {"7": [(1, 4), (6, 6)]}})
    assert decode_message(encode_message(ack), Ack) == ack
    assert decode_message(b'{"state":"listening","t":1,"new":[]}', CentreState).state == "listening"
    with pytest.raises(WireError):
        decode_message(b'{"state":"asleep"}', CentreState)


@pytest.mark.parametrize(
    ("value", "expected"), [(1 / 3, 0.33333333), (-123456789.4, -123456790.0), (0.0, 0.0), (float("nan"), None), (float("inf"), None)]
)
def test_significant_digits(value, expected) -> None:
    assert records.significant(value) == expected
