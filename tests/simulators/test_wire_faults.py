"""Faults of the wire on lines that speak: what arrives is as written, byte for byte, and nothing waits for ever."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from simulators.errors import FaultFileError
from simulators.faults.effects import Effects
from simulators.faults.timeline import Timeline
from simulators.instruments.checksums import xor
from simulators.serve.lines import Speaker, StreamLine
from tests.simulators.conftest import T0_MS


@pytest.fixture
def line(instrument, fake_port, tmp_path):
    """The sonic or the weather transmitter on a line with a timeline of faults."""

    def make(key: str, faults: str) -> StreamLine:
        talker = instrument(key)
        file = tmp_path / "faults.yaml"
        file.write_text(f"faults: [{faults}]")
        timeline = Timeline(file, {key: talker.fault_names()}, {key: key}, float(T0_MS))
        speaker = Speaker(talker, Effects(11, key, talker.fields), int(T0_MS // talker.period_ms))
        made = StreamLine([speaker], timeline, None, lambda: fake_port.now_ms)
        made.port = fake_port
        return made

    return make


def run(line: StreamLine, seconds: float) -> list[tuple[float, bytes]]:
    for at in T0_MS + np.arange(0.0, seconds * 1e3, 10.0):
        line.port.now_ms = at
        line.step(at)
    return line.port.written


def well(record: bytes) -> bool:
    return record[:1] == b"\x02" and int(record[-4:-2], 16) == xor(record[1 : record.index(b"\x03")])


class TestStreams:
    def test_flip_turns_one_bit_over(self, line, instrument):
        flipped = b"".join(data for _, data in run(line("sonic", "{instrument: sonic, fault: flip}"), 2))
        sonic = instrument("sonic")
        first = int(T0_MS // 100)
        plain = b"".join(sonic.encode(sonic.values(first, 20), first))
        assert len(flipped) == len(plain)
        bits = [bin(a ^ b).count("1") for a, b in zip(flipped, plain, strict=True)]
        assert set(bits) == {0, 1}
        assert sum(bits) == 20

    def test_truncated_records_break_off(self, line):
        sent = run(line("sonic", "{instrument: sonic, fault: truncated, magnitude: 0.5}"), 1)
        assert all(data[:1] == b"\x02" and not data.endswith(b"\n") for _, data in sent)

    def test_merged_records_come_two_at_a_time_and_none_is_lost(self, line, fake_port):
        merged = line("sonic", "{after: 1s, for: 3s, instrument: sonic, fault: merged}")
        pieces = [data for _, data in run(merged, 6) if data]
        counts = [data.count(b"\x02") for data in pieces]
        assert sum(counts) == 60
        assert counts[10:25] == [2] * 15
        assert set(counts[25:]) == {1}

    def test_an_odd_record_held_back_comes_after_the_fault(self, line):
        pieces = [data for _, data in run(line("sonic", "{after: 1s, for: 300ms, instrument: sonic, fault: merged}"), 3)]
        assert sum(data.count(b"\x02") for data in pieces) == 30

    def test_split_records_come_in_two_pieces(self, line):
        sent = run(line("sonic", "{instrument: sonic, fault: split, magnitude: 30}"), 2)
        assert len(sent) == 40
        assert [round(b - a) for (a, _), (b, _) in zip(sent[::2], sent[1::2], strict=True)] == [30] * 20
        assert all(well(a + b) for (_, a), (_, b) in zip(sent[::2], sent[1::2], strict=True))

    def test_noise_stands_before_whole_records(self, line):
        sent = run(line("sonic", "{instrument: sonic, fault: noise, magnitude: 5}"), 1)
        assert all(well(data[5:]) for _, data in sent)


class TestAnswers:
    async def test_split_answer(self, line, fake_port):
        weather = line("weather", "{instrument: weather, fault: split, magnitude: 5}")
        fake_port.now_ms = float(T0_MS)
        heard: list[bytes] = []
        weather.handler()(b"0R1\r\n", heard.append)
        async with asyncio.timeout(5):
            while len(heard) < 2:
                await asyncio.sleep(0.001)
        assert b"".join(heard).startswith(b"0R1,Dn=")
        assert b"".join(heard).endswith(b"M\r\n")


class TestNames:
    def test_an_own_fault_of_another_model_is_refused(self, line):
        with pytest.raises(FaultFileError, match="sonic cannot show foil_off"):
            line("sonic", "{instrument: sonic, fault: foil_off}")
