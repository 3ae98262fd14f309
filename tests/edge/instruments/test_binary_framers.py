"""Framers of binary records under any bytes: no exception, no endless loop, a bounded buffer, the same frames however the stream is cut, and
nothing past its checksum. The records are made here from the documents, with checksums worked out the long way."""

import random
import struct
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.instruments.binary_framers import fletcher, framer_of
from edge.instruments.framers import Frame, Framer
from firmware_config.cards import all_cards, load_card

MODELS = sorted(model for model, card in all_cards().items() if card.binary is not None)
CHECKED = [model for model in MODELS if model != "csat3_rs232_binary"]
LONGEST = {"gill_windmaster_binary_m10": 23, "csat3_rs232_binary": 12, "microstrain_mip": 261, "microstrain_3dmgx_legacy_cb": 43}
"""bytes; VectorNav's follows from the sizes in the document"""
LONGEST["vectornav_vn300_binary"] = 256
FUZZED_BYTES = 40_000


def check_bytes(model: str, record: bytes) -> bytes:
    """The checksum as the documents describe it, one byte after the other."""
    if model == "gill_windmaster_binary_m10":
        value = 0
        for byte in record:
            value ^= byte
        return bytes((value,))
    if model == "microstrain_mip":
        a = c = 0
        for byte in record:
            a = (a + byte) % 256
            c = (c + a) % 256
        return bytes((a, c))
    if model == "microstrain_3dmgx_legacy_cb":
        return struct.pack(">H", sum(record) % 65_536)
    crc = 0
    for byte in record[1:]:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return struct.pack(">H", crc)


def sealed(model: str, record: bytes) -> bytes:
    return record + check_bytes(model, record)


GOOD = {
    "gill_windmaster_binary_m10": sealed(
        "gill_windmaster_binary_m10", b"\xb4\xb4" + struct.pack("<HhhhH5h", 0, 123, -45, 12, 34321, *[0] * 5)
    ),
    "csat3_rs232_binary": struct.pack("<4hH", 4920, -1800, 480, 3210, 0x0FC5) + b"\x55\xaa",
    "microstrain_mip": sealed("microstrain_mip", b"\x75\x65\x80\x0e\x0e\x04" + struct.pack(">3f", 0.01, -0.02, -1.0)),
    "microstrain_3dmgx_legacy_cb": sealed("microstrain_3dmgx_legacy_cb", b"\xcb" + struct.pack(">9fI", *[0.5] * 9, 62_500)),
    "vectornav_vn300_binary": bytes.fromhex("fa01080093502e42833ef13f48b504bb9288"),
}
"""A record on the wire; VectorNav's as its maker prints it."""
SYNTAX = st.sampled_from(
    [
        *[b"\xb4", b"\xb4\xb4\x00\x00", b"\x55\xaa", b"\x55", b"\x75", b"\x75\x65", b"\x75\x65\x80\x02", b"\xcb", b"\xcf", b"\xfa"],
        *[b"\xfa\x01", b"\xfa\x01\x08\x00", b"$VN", b"$VNERR,03*", b"*", b"\x00", b"\xff"],
    ]
)
STREAMS = st.lists(st.one_of(SYNTAX, st.binary(max_size=40), st.sampled_from(list(GOOD.values()))), max_size=30).map(b"".join)
"""Garbage rich in the bytes that mean something to a framer."""
EACH = pytest.mark.parametrize("model", MODELS)


def framer(model: str) -> Framer:
    form = load_card(model).binary
    assert form is not None
    return framer_of(form)


def body(model: str) -> bytes:
    return GOOD[model][:-2] if model == "csat3_rs232_binary" else GOOD[model]


def whole(model: str, stream: bytes) -> list[Frame]:
    made = framer(model)
    return made.feed(stream) + made.finish()


def test_every_binary_instrument_is_tested_here() -> None:
    assert sorted(GOOD) == MODELS == sorted(LONGEST)


def test_the_makers_printed_checksum() -> None:
    """MicroStrain's ping as MSCL sends it."""
    assert fletcher(bytes.fromhex("756501020201")) == bytes.fromhex("e0c6")
    assert whole("microstrain_mip", bytes.fromhex("756501020201e0c6")) == [Frame(bytes.fromhex("756501020201e0c6"))]


@EACH
@settings(max_examples=120, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 600), max_size=12))
def test_frames_do_not_depend_on_how_the_stream_was_cut(model: str, stream: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = framer(model)
    found = [frame for a, b in pairwise(edges) for frame in pieces.feed(stream[a:b])] + pieces.finish()
    bytewise = framer(model)
    single = [frame for byte in stream for frame in bytewise.feed(bytes((byte,)))] + bytewise.finish()
    assert found == single == whole(model, stream)
    assert pieces.discarded == bytewise.discarded
    assert pieces.discarded + sum(len(frame.body) + 2 * (model == "csat3_rs232_binary") for frame in found if frame.body) == len(stream)


@EACH
@settings(max_examples=120, deadline=None)
@given(stream=STREAMS)
def test_memory_is_bounded_and_every_frame_is_a_record_or_a_reason(model: str, stream: bytes) -> None:
    tested = framer(model)
    for byte in stream:
        for frame in tested.feed(bytes((byte,))):
            assert bool(frame.body) is not bool(frame.fault)
        assert len(tested._buffer) <= LONGEST[model]


@EACH
@settings(max_examples=120, deadline=None)
@given(garbage=STREAMS)
@example(garbage=b"$VNERR,03*\xb4*")
def test_after_any_garbage_records_are_read_again(model: str, garbage: bytes) -> None:
    """As soon as as many bytes have come as the longest record has, which is how long a false beginning can hold its framer up."""
    enough = LONGEST[model] // len(GOOD[model]) + 2
    tested = framer(model)
    tested.feed(garbage)
    assert Frame(body(model)) in tested.feed(GOOD[model] * enough)


@pytest.mark.parametrize("model", CHECKED)
@settings(max_examples=250, deadline=None)
@given(at=st.integers(0, 60), byte=st.integers(0, 255))
@example(at=1, byte=0)
@example(at=3, byte=0xFF)
def test_a_record_with_one_byte_changed_never_passes_with_other_content(model: str, at: int, byte: int) -> None:
    wire = GOOD[model]
    at %= len(wire)
    spoiled = wire[:at] + bytes((byte,)) + wire[at + 1 :]
    assert [frame.body for frame in whole(model, spoiled) if not frame.fault] in ([], [wire])


@EACH
def test_a_damaged_record_costs_itself_and_is_told_once(model: str) -> None:
    wire = GOOD[model]
    damaged = {
        "one byte lost": wire[:7] + wire[8:],
        "one byte changed": wire[:-1] + bytes((wire[-1] ^ 0x11,)),
        "beginning alone": wire[: len(wire) // 2],
    }
    for what, bad in damaged.items():
        frames = whole(model, wire + bad + wire * (LONGEST[model] // len(wire) + 2))
        faults = [frame for frame in frames if frame.fault]
        assert len(faults) == 1, what
        assert frames[0] == frames[-1] == Frame(body(model)), what


@EACH
def test_two_records_in_one_read_and_one_record_in_two_reads(model: str) -> None:
    wire = GOOD[model]
    assert whole(model, wire + wire) == [Frame(body(model))] * 2
    tested = framer(model)
    assert tested.feed(wire[:5]) == []
    assert tested.feed(wire[5:]) == [Frame(body(model))]


@EACH
def test_random_bytes_pass_only_with_a_right_checksum(model: str) -> None:
    """Half the pieces begin like a record, which is where a framer could be taken in."""
    dice = random.Random(20_260)
    tested = framer(model)
    heads = [b"\xb4\xb4\x00\x00", b"\x55\xaa", b"\x75\x65\x80", b"\xcb", b"\xcf", b"\xfa\x01", b"$VN", b""]
    given_bytes = 0
    while given_bytes < FUZZED_BYTES:
        piece = dice.choice(heads) + dice.randbytes(dice.randrange(120))
        given_bytes += len(piece)
        for frame in tested.feed(piece):
            if frame.fault:
                continue
            if model == "csat3_rs232_binary":
                assert len(frame.body) == 10
            elif frame.body[:1] != b"$":
                record = frame.body
                kept = len(check_bytes(model, record[:1]))
                assert check_bytes(model, record[:-kept]) == record[-kept:]
        assert len(tested._buffer) <= LONGEST[model]


@pytest.mark.parametrize(
    "filler", [b"\x75\x65", b"\x75\x65\x80\xff", b"\xb4", b"\xcb", b"\xfa\x01\xff\x7f", b"$VN", b"\x55", b"\x55\xaa", b"\x00"]
)
@EACH
def test_each_byte_of_a_long_run_is_looked_at_a_bounded_number_of_times(model: str, filler: bytes) -> None:
    """Steps are counted: one at most for every byte, whatever stands in the stream."""
    tested = framer(model)
    step, steps = tested._step, 0

    def counted(frames: list[Frame]) -> bool:
        nonlocal steps
        steps += 1
        return step(frames)

    tested._step = counted  # type: ignore[method-assign]
    stream = filler * (8192 // len(filler))
    tested.feed(stream)
    assert steps <= len(stream) + 1
    assert len(tested._buffer) <= LONGEST[model]


def test_a_sonic_that_is_out_of_step_with_a_sync_word_among_its_data_finds_back() -> None:
    """Wind components of -21931 are the bytes 55 AA; beginning in the middle, such a stream looks in step and is not."""

    def record(counter: int) -> bytes:
        return struct.pack("<4hH", 100, -21931, 5, 3210, 0x0FC0 | counter % 64) + b"\x55\xaa"

    stream = b"".join(map(record, range(60, 70)))
    frames = framer("csat3_rs232_binary").feed(stream[6:])  # what follows the false sync word
    good = [frame.body for frame in frames if not frame.fault]
    assert [item[8] & 0x3F for item in good[-7:]] == [counter % 64 for counter in range(63, 70)]
    assert sum(item[2:4] != b"\x55\xaa" for item in good) <= 1
