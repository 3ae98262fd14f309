"""Framers under any bytes: no exception, no endless loop, a bounded buffer, the same frames however the stream is cut, no record past its checksum."""

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.instruments import FRAMERS as OF_CARDS
from edge.instruments.framers import Frame, Framer, LineFramer, ParenthesesFramer, SignatureFramer, XorFramer
from edge.instruments.line_sums import SUMS, LineSumFramer
from firmware_config.cards.schema import Frame as CardFrame
from firmware_config.cards.sums import LineSum, Sum

MAX = 64
FRAMERS = {
    "stx": lambda: XorFramer(b"\x02", b"\x03", MAX),
    "nmea": lambda: XorFramer(b"$", b"*", MAX),
    "line": lambda: LineFramer(MAX),
    "tail": lambda: LineFramer(MAX, after_noise=True),
    "signature": lambda: SignatureFramer(MAX),
    "parentheses": lambda: ParenthesesFramer(MAX),
    "line_sum": lambda: LineSumFramer(LineSum(kind="xor", mark="*", start="$"), MAX),
    "line_sum_bare": lambda: LineSumFramer(LineSum(kind="crc16_modbus"), MAX),
}
GOOD = {
    # Gill 1561-PS-0001 and the reference's own example; NMEA in the form of a WIXDR; Campbell's single character.
    "stx": (b"\x02Q,+001.23,-000.45,+000.12,M,+343.21,+020.85,00,\x0325\r\n", b"Q,+001.23,-000.45,+000.12,M,+343.21,+020.85,00,"),
    "nmea": (b"$WIXDR,P,1.0125,B,0*6B\r\n", b"WIXDR,P,1.0125,B,0"),
    "line": (b"0R2,Ta=23.6C\r\n", b"0R2,Ta=23.6C"),
    "tail": (b"0R2,Ta=23.6C\r\n", b"0R2,Ta=23.6C"),
    "signature": (b"A,aa40\r\n", b"A"),
    "parentheses": (b"(Data (Ndx 7)(CO2D 1.6e1))\r\n", b"(Data (Ndx 7)(CO2D 1.6e1))"),
    "line_sum": (b"$WIXDR,P,1.0125,B,0*6B\r\n", b"WIXDR,P,1.0125,B,0"),
    "line_sum_bare": (b"1234567894B37\r\n", b"123456789"),
}
"""A record on the wire and what is in it."""
CHECKED = ("stx", "nmea", "signature", "line_sum", "line_sum_bare")
SYNTAX = st.sampled_from(
    [b"\x02", b"\x03", b"$", b"*", b"(", b")", b"(Data ", b"(Data(", b"\r", b"\n", b"\t", b",", b"25", b"aa40", b"A", b"\xff"]
)
STREAMS = st.lists(st.one_of(SYNTAX, st.binary(max_size=40), st.sampled_from([wire for wire, _ in GOOD.values()])), max_size=30).map(
    b"".join
)
"""Garbage rich in the characters that mean something to a framer."""
EACH = pytest.mark.parametrize("name", FRAMERS)


def whole(framer: Framer, stream: bytes) -> list[Frame]:
    return framer.feed(stream) + framer.finish()


@EACH
@settings(max_examples=150, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 400), max_size=12))
def test_frames_do_not_depend_on_how_the_stream_was_cut(name: str, stream: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = FRAMERS[name]()
    found = [frame for a, b in pairwise(edges) for frame in pieces.feed(stream[a:b])] + pieces.finish()
    bytewise = FRAMERS[name]()
    single = [frame for byte in stream for frame in bytewise.feed(bytes((byte,)))] + bytewise.finish()
    assert found == single == whole(FRAMERS[name](), stream)


@EACH
@settings(max_examples=150, deadline=None)
@given(stream=STREAMS)
def test_memory_is_bounded_and_every_frame_is_a_record_or_a_reason(name: str, stream: bytes) -> None:
    framer = FRAMERS[name]()
    for byte in stream:
        for frame in framer.feed(bytes((byte,))):
            assert bool(frame.body) is not bool(frame.fault)
            assert len(frame.body) <= MAX
    assert len(framer._buffer) <= MAX + 1


@EACH
@settings(max_examples=100, deadline=None)
@given(garbage=STREAMS)
def test_after_any_garbage_the_third_record_at_the_latest_is_read(name: str, garbage: bytes) -> None:
    wire, body = GOOD[name]
    framer = FRAMERS[name]()
    framer.feed(garbage + b"\r\n")
    assert Frame(body) in framer.feed(wire * 3)


@pytest.mark.parametrize("name", CHECKED)
@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 200), byte=st.integers(0, 255))
@example(at=5, byte=0x02)
@example(at=5, byte=0x03)
def test_a_record_with_one_byte_changed_never_passes_with_other_content(name: str, at: int, byte: int) -> None:
    wire, body = GOOD[name]
    at %= len(wire.rstrip())
    spoiled = wire[:at] + bytes((byte,)) + wire[at + 1 :]
    assert [frame.body for frame in whole(FRAMERS[name](), spoiled) if not frame.fault] in ([], [body])


@pytest.mark.parametrize("name", CHECKED)
@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 200), count=st.integers(1, 30))
def test_a_record_with_bytes_missing_never_passes_with_other_content(name: str, at: int, count: int) -> None:
    """An XOR sees one missing byte unless it is NUL; two equal ones it does not see, which the column count of the decoder catches."""
    wire, body = GOOD[name]
    at %= len(wire.rstrip())
    passed = [frame.body for frame in whole(FRAMERS[name](), wire[:at] + wire[at + count :]) if not frame.fault]
    assert all(len(found) < len(body) or found == body for found in passed)
    if count == 1:
        assert passed in ([], [body])


@EACH
def test_two_records_in_one_read_and_one_record_in_two_reads(name: str) -> None:
    wire, body = GOOD[name]
    assert [frame.body for frame in whole(FRAMERS[name](), wire + wire)] == [body, body]
    framer = FRAMERS[name]()
    assert framer.feed(wire[:3]) == []
    assert framer.feed(wire[3:] + b"\r\n") == [Frame(body)]


@EACH
def test_a_record_without_end_is_given_up_not_collected_for_ever(name: str) -> None:
    wire, body = GOOD[name]
    framer = FRAMERS[name]()
    frames = framer.feed(wire[:3] + b"1" * 5000 + b"\r\n" + wire)
    assert frames[0].fault
    assert frames[-1] == Frame(body)
    assert framer.discarded >= 4900


def test_noise_before_a_checked_record_is_thrown_away_and_counted() -> None:
    framer = SignatureFramer(MAX)
    assert framer.feed(b"\xff\x00~\xfeA,aa40\r\n") == [Frame(b"A")]
    assert framer.discarded == 4


def test_noise_in_a_line_without_checksum_refuses_the_line() -> None:
    """What is left after the noise could be a shorter record with other values."""
    assert LineFramer(MAX).feed(b"1\xff2.5,7\r\n") == [Frame(b"", "noise")]


def test_licor_records_are_found_by_parentheses_not_by_lines() -> None:
    framer = ParenthesesFramer(MAX)
    assert framer.feed(b"x)(Data (A\r\n1))(Data (A 2))ready(Error (Received TRUE))\n") == [
        Frame(b"(Data (A\r\n1))"),
        Frame(b"(Data (A 2))"),
        Frame(b"(Error (Received TRUE))"),
    ]


def test_the_rest_of_a_licor_record_whose_beginning_was_lost_is_refused_once() -> None:
    framer = ParenthesesFramer(MAX)
    assert framer.feed(b"1e1)(Temp 2e1)(Pres 1e2))\r\n(Data (A 1))\r\n") == [Frame(b"", "cut off"), Frame(b"(Data (A 1))")]


def test_every_frame_that_a_card_may_name_has_its_framer() -> None:
    """A name alone must not end up as a plain line, whose checksum nobody looks at."""
    assert set(OF_CARDS) == set(get_args(CardFrame))


# Check values of "123456789" in the catalogue of parametrised CRC algorithms (CRC-16/MODBUS, CRC-16/XMODEM); the sums counted by hand:
# 9 x 0x30 + 45 = 477 = 0x1DD; the XOR of 1 to 9 is 1, that of nine 0x30 is 0x30.
CATALOGUE: dict[Sum, str] = {"xor": "31", "sum": "DD", "sum_negative": "23", "crc16_modbus": "4B37", "crc16_xmodem": "31C3"}


@pytest.mark.parametrize("kind", CATALOGUE)
def test_each_kind_of_sum_is_the_published_one_and_one_digit_off_is_refused(kind: Sum) -> None:
    assert set(SUMS) == set(CATALOGUE)
    digits = CATALOGUE[kind]
    wrong = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    lines = f"123456789;{digits}\r\n123456789;{digits.lower()} \r\n123456789;{wrong}\r\n123456780;{digits}\r\n123456789\r\n"
    frames = whole(LineSumFramer(LineSum(kind=kind, mark=";"), MAX), lines.encode())
    assert frames == [Frame(b"123456789")] * 2 + [Frame(b"", "checksum")] * 2 + [Frame(b"", "no checksum")]


def test_a_sum_may_be_decimal_and_count_its_marks() -> None:
    # "#1," is 0x23 + 0x31 + 0x2C = 128
    form = LineSum(kind="sum", start="#", mark=",", start_counts=True, mark_counts=True, base=10)
    frames = whole(LineSumFramer(form, MAX), b"\xff#1,128\n1,128\n#0#1,128\n#1,129\n#1,999\n")
    assert frames == [Frame(b"1"), Frame(b"", "cut off"), Frame(b"1"), Frame(b"", "checksum"), Frame(b"", "checksum")]
