"""Framers of more than a line, under any bytes: the same promises, and what their formats say of their own."""

import os
import random
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.instruments.block_framers import ElementFramer, FlowControlFramer, HexSumFramer, VeDirectFramer
from edge.instruments.framers import Frame, Framer

MAX = 128
FUZZ_BYTES = int(os.environ.get("HAITAN_FUZZ_BYTES", "40000"))
FRAMERS = {"hex": lambda: HexSumFramer(MAX), "vedirect": lambda: VeDirectFramer(MAX), "elements": lambda: ElementFramer(r"li8\d0a?", MAX)}


def block(*lines: str) -> bytes:
    """A VE.Direct block: what its sum lacks to zero is its last byte."""
    text = "".join(f"\r\n{line}" for line in lines).encode() + b"\r\nChecksum\t"
    return text + bytes((-sum(text) & 0xFF,))


GOOD = {
    # The external pump's record whose sum the reference works out by hand; a block; the maker's acknowledgement.
    "hex": (b"*C20711CF8F367F2B\r", b"*C20711CF8F367F2B"),
    "vedirect": (block("V\t12800", "I\t1500"), b"V\t12800\r\nI\t1500"),
    "elements": (b"<li850><ack>true</ack></li850>\n", b"<li850><ack>true</ack></li850>"),
}
SYNTAX = [
    b"*", b"\r", b"\n", b"\r\n", b"C2", b"0711", b":", b":7F0ED0071\n", b":7F", b"\r\nV\t12800", b"\r\nChecksum\t", b"Checksum\t", b"\t", b"<",
    b"<li850>", b"</li850>", b"<LI820>", b"<data>", b"</data>", b">", b"\xff", b"\x00",
]  # fmt: skip
STREAMS = st.lists(
    st.one_of(st.sampled_from(SYNTAX), st.binary(max_size=40), st.sampled_from([wire for wire, _ in GOOD.values()])), max_size=30
).map(b"".join)
EACH = pytest.mark.parametrize("name", FRAMERS)


def whole(framer: Framer, stream: bytes) -> list[Frame]:
    return framer.feed(stream) + framer.finish()


def passes_its_check(name: str, body: bytes) -> bool:
    """The check worked out apart from the framer, where the body still holds it."""
    if name == "hex" and body.startswith(b"*"):
        data = bytes.fromhex(body[1:].decode())
        return data[1] == len(data) - 1 and sum(data[1:-1]) % 256 == data[-1]
    if name == "elements":
        return re.fullmatch(rb"(?i)<(li8\d0a?)>[\s\x20-\x7e]*</(li8\d0a?)>", body) is not None
    return True


@EACH
@settings(max_examples=100, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 400), max_size=12))
def test_frames_do_not_depend_on_how_the_stream_was_cut(name: str, stream: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces, bytewise = FRAMERS[name](), FRAMERS[name]()
    found = [frame for a, b in pairwise(edges) for frame in pieces.feed(stream[a:b])] + pieces.finish()
    single = [frame for byte in stream for frame in bytewise.feed(bytes((byte,)))] + bytewise.finish()
    assert found == single == whole(FRAMERS[name](), stream)


@EACH
@settings(max_examples=100, deadline=None)
@given(stream=STREAMS)
def test_memory_is_bounded_and_every_frame_is_a_record_or_a_reason(name: str, stream: bytes) -> None:
    framer = FRAMERS[name]()
    for byte in stream:
        for frame in framer.feed(bytes((byte,))):
            assert bool(frame.body) is not bool(frame.fault)
            assert len(frame.body) <= MAX + 1
            assert frame.fault or passes_its_check(name, frame.body)
    assert len(framer._buffer) <= MAX + 1


@EACH
@settings(max_examples=80, deadline=None)
@given(garbage=STREAMS)
def test_after_any_garbage_the_third_record_at_the_latest_is_read(name: str, garbage: bytes) -> None:
    wire, body = GOOD[name]
    framer = FRAMERS[name]()
    framer.feed(garbage + b"\r\n")
    assert Frame(body) in framer.feed(wire * 3)


@EACH
def test_one_byte_changed_or_lost_never_gives_a_record_with_other_content(name: str) -> None:
    """Elements have no checksum: there it is the decoder that refuses what is not well-formed. The id of a hex record is not in its sum."""
    wire, body = GOOD[name]
    if name == "elements":
        return
    for at in range(len(wire)):
        if name == "hex" and at in {1, 2}:
            continue
        for byte in range(256):
            found = whole(FRAMERS[name](), wire[:at] + bytes((byte,)) + wire[at + 1 :] + wire)
            assert all(frame.body in {b"", body} for frame in found if name == "vedirect" or frame.body.startswith(b"*"))
        found = whole(FRAMERS[name](), wire[:at] + wire[at + 1 :])
        assert all(frame.body in {b"", body} for frame in found if name == "vedirect" or frame.body.startswith(b"*"))


@EACH
def test_a_long_stream_of_garbage_and_records_is_survived(name: str) -> None:
    """HAITAN_FUZZ_BYTES makes it longer. No frame without its check; every record between garbage of three bytes at most is found or refused."""
    dice = random.Random(7)
    framer = FRAMERS[name]()
    wire, body = GOOD[name]
    sent, records, read = 0, 0, 0
    while sent < FUZZ_BYTES:
        part = dice.choice([wire, wire, dice.choice(SYNTAX), dice.randbytes(dice.randrange(1, 60)), bytes(dice.choices(wire, k=20))])
        records += part == wire
        sent += len(part)
        for frame in framer.feed(part):
            assert not frame.body or passes_its_check(name, frame.body)
            read += frame.body == body
    assert read > records // 20


@pytest.mark.parametrize("last", [b"\r", b"\n", b"\t", b":"])
def test_the_checksum_byte_may_be_any_byte(last: bytes) -> None:
    """The value is chosen so that the sum asks for this byte."""
    wires = (block("V\t12800", f"SER#\t{chr(a) * 4}{chr(b)}") for a in range(59, 127) for b in range(59, 127))
    wire = next(wire for wire in wires if wire.endswith(last))
    following = block("V\t12801")
    assert VeDirectFramer(MAX).feed(wire + following + wire) == [
        Frame(wire[2 : wire.index(b"\r\nChecksum")]),
        Frame(b"V\t12801"),
        Frame(wire[2 : wire.index(b"\r\nChecksum")]),
    ]


def test_hex_messages_between_blocks_and_between_lines_are_outside_the_sum() -> None:
    wire, body = GOOD["vedirect"]
    message = b":7F0ED0071\n"
    for at in [0, wire.index(b"\r\nI"), wire.index(b"\r\nChecksum"), wire.index(b"sum\t"), len(wire)]:
        assert VeDirectFramer(MAX).feed(wire[:at] + message + wire[at:] + message + wire) == [Frame(body), Frame(body)]


def test_a_block_whose_beginning_was_missed_is_refused_though_its_sum_may_fit() -> None:
    """The reader came in the middle: what is left is made to sum to zero."""
    rest = b"00\r\nI\t1500\r\nChecksum\t"
    framer = VeDirectFramer(MAX)
    assert framer.feed(rest + bytes((-sum(rest) & 0xFF,)) + GOOD["vedirect"][0]) == [Frame(b"", "cut off"), Frame(GOOD["vedirect"][1])]


def test_two_blocks_run_together_are_none() -> None:
    wire, _ = GOOD["vedirect"]
    cut = wire[: wire.index(b"\r\nChecksum")]
    assert VeDirectFramer(MAX).feed(cut + wire + wire) == [Frame(b"", "checksum"), Frame(GOOD["vedirect"][1])]


def test_a_record_of_hex_that_is_cut_says_so_and_the_next_one_in_its_line_is_read() -> None:
    wire, body = GOOD["hex"]
    assert HexSumFramer(MAX).feed(b"*C20711CF" + wire) == [Frame(b"", "cut off"), Frame(body)]
    assert HexSumFramer(MAX).feed(b"*C20711CF8F367F\r" + wire) == [Frame(b"", "cut off"), Frame(body)]
    assert HexSumFramer(MAX).feed(b"*C20711CF8F367F2C\r" + wire) == [Frame(b"", "checksum"), Frame(body)]


def test_flow_control_between_the_bytes_belongs_to_no_record() -> None:
    assert FlowControlFramer(MAX).feed(b"\x11MEAS\x13UREMENT\t\x114330\r\n\x13") == [Frame(b"MEASUREMENT\t4330")]


def test_elements_are_found_in_any_letter_case_over_lines_and_reads() -> None:
    framer = ElementFramer(r"li8\d0a?", MAX)
    assert framer.feed(b"x</b><LI8") == []
    assert framer.feed(b"40A>\r\n<data>\r\n</data></li840a><li850><data></li") == [Frame(b"<LI840A>\r\n<data>\r\n</data></li840a>")]
    assert framer.feed(b"850><li850><li820></li820>") == [
        Frame(b"<li850><data></li850>"),
        Frame(b"", "cut off"),
        Frame(b"<li820></li820>"),
    ]
    assert framer.feed(b"</li850>") == [Frame(b"", "cut off")]
