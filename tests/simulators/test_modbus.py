"""Modbus units on a line and over TCP: the documents' frames, silence where a real bus is silent, every fault as written; and mbpoll agrees."""

from __future__ import annotations

import asyncio
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from simulators.faults.effects import Effects
from simulators.faults.timeline import Timeline
from simulators.instruments.checksums import modbus_crc
from simulators.serve.lines import look
from simulators.serve.modbus import Bus, rtu_handler, tcp_handler
from tests.simulators.conftest import T0_MS


def rtu(unit: int, *parts: int | bytes) -> bytes:
    body = bytes((unit,)) + b"".join(p if isinstance(p, bytes) else bytes((p,)) for p in parts)
    return body + modbus_crc(body)


def read_request(unit: int, address: int, count: int, function: int = 3) -> bytes:
    return rtu(unit, function, struct.pack(">HH", address, count))


@pytest.fixture
def bus(instrument, tmp_path):
    """Probe 1 (oxygen) and 2 (pressure) on one line, with a timeline of faults."""

    def make(faults: str = "", speed: float = 1000.0) -> Bus:
        units = {1: instrument("oxygen"), 2: instrument("depth")}
        effects = {u.id: Effects(11, u.id, u.fields) for u in units.values()}
        file = tmp_path / "faults.yaml"
        file.write_text(f"faults: [{faults}]")
        targets = {u.id: u.fault_names() for u in units.values()}
        timeline = Timeline(file, targets, dict.fromkeys(targets, "water"), float(T0_MS))

        def now() -> float:
            return float(T0_MS + 10_000)

        def on(unit):
            return [f for f in timeline.for_instrument(unit.id, now(), now()) if f.on(now())]

        return Bus(units, effects, lambda unit: look(unit, effects[unit.id], on(unit), now()), on, now, lambda: speed, baud=9600)

    return make


async def exchange(bus: Bus, *pieces: bytes, handler_of=rtu_handler) -> bytes:
    """All bytes the line carries in answer: waits for as many answers as the bus has decided to give."""
    replies: list[bytes] = []
    handler, before = handler_of(bus), bus.answered
    for piece in pieces:
        handler(piece, replies.append)
    at_once = len(replies)  # an echo does not wait
    async with asyncio.timeout(5):
        while len(replies) < at_once + bus.answered - before:
            await asyncio.sleep(0.001)
    return b"".join(replies)


class TestLine:
    async def test_pressure_is_that_of_the_water_above(self, bus):
        answer = await exchange(bus(), read_request(2, 0x0100, 4))
        assert answer[:3] == b"\x02\x03\x08"
        assert modbus_crc(answer[:-2]) == answer[-2:]
        pressure, temperature = struct.unpack(">ff", answer[3:11])
        world = bus().units[2].setting.world
        truth = world.truth(T0_MS + 10_000.0)
        depth = truth["water_level"] + 6.0
        assert pressure == pytest.approx(truth["water_density"] * 9.80665 * depth / 1e5, abs=2e-4)
        assert temperature == pytest.approx(truth["water_temperature"], abs=0.03)

    async def test_integers_and_floats_tell_the_same(self, bus):
        line = bus()
        floats = await exchange(line, read_request(2, 0x0000, 12))
        integers = await exchange(line, read_request(2, 0x0010, 12))
        f = struct.unpack(">6f", floats[3:27])
        i = struct.unpack(">6i", integers[3:27])
        assert i == tuple(round(value * scale) for value, scale in zip(f, (1e5, 1e5, 1e5, 100, 100, 100), strict=True))

    async def test_oxygen_probe_measures_only_after_its_start_command(self, bus):
        """The document's own frames: a read of no registers starts, 0x2E00 stops."""
        line = bus()
        values = bytes.fromhex("010326000006ce80")
        before = await exchange(line, values)
        assert before[3:15] == bytes(12)
        assert await exchange(line, bytes.fromhex("0103250000004ec6")) == bytes.fromhex("01030020f0")
        after = await exchange(line, values)
        temperature, saturation, oxygen = struct.unpack("<fff", b"".join(after[3 + 4 * i : 7 + 4 * i] for i in range(3)))
        truth = line.units[1].setting.world.truth(T0_MS + 10_000.0)
        assert temperature == pytest.approx(truth["water_temperature"], abs=0.03)
        assert oxygen == pytest.approx(truth["dissolved_oxygen"], abs=0.05)
        assert saturation * 100 == pytest.approx(truth["oxygen_saturation"], abs=0.6)
        assert await exchange(line, bytes.fromhex("01032e0000018d22")) == bytes.fromhex("0103020000b844")
        assert (await exchange(line, values))[3:15] == bytes(12)

    async def test_a_bus_is_silent_for_who_is_not_on_it_and_for_a_wrong_crc(self, bus):
        line = bus()
        assert await exchange(line, read_request(9, 0x0100, 2)) == b""
        assert await exchange(line, read_request(2, 0x0100, 2)[:-1] + b"\x00") == b""
        assert (await exchange(line, read_request(2, 0x0100, 2)))[:3] == b"\x02\x03\x04"

    async def test_requests_are_found_in_pieces_and_in_noise(self, bus):
        request = read_request(2, 0x0202, 2)
        assert len(await exchange(bus(), request[:3], request[3:])) == 9
        assert len(await exchange(bus(), b"\x00\xff\x13" + request)) == 9
        assert len(await exchange(bus(), request + request)) == 18

    @pytest.mark.parametrize(
        ("request_", "exception"),
        [(read_request(2, 0x0F00, 1), 2), (read_request(2, 0x0100, 126), 3), (rtu(2, 7, b"\0\0\0\0")[:-2], 1), (rtu(2, 6, b"\0\0\0\1"), 2)],
    )
    async def test_wrong_questions_get_their_exception(self, bus, request_, exception):
        line = bus()
        if request_[1] == 7:
            assert line.respond(line.units[2], request_[1:]) == bytes((0x87, 1))
            return
        answer = await exchange(line, request_)
        assert answer == rtu(2, request_[1] | 0x80, exception)

    async def test_zero_is_set_by_function_16(self, bus):
        line = bus()
        await exchange(line, read_request(2, 0x0100, 4))
        write = rtu(2, 16, struct.pack(">HHB", 0xFF00, 2, 4) + struct.pack(">f", 0.0))
        assert await exchange(line, write) == rtu(2, 16, struct.pack(">HH", 0xFF00, 2))
        answer = await exchange(line, read_request(2, 0x0100, 4))
        assert struct.unpack(">f", answer[3:7])[0] == pytest.approx(0, abs=2e-4)


class TestFaults:
    REQUEST = read_request(2, 0x0100, 4)

    @pytest.mark.parametrize("code", [2, 4, 6])
    async def test_exception(self, bus, code):
        line = bus(f"{{instrument: depth, fault: exception, magnitude: {code}}}")
        assert await exchange(line, self.REQUEST) == rtu(2, 0x83, code)
        assert (await exchange(line, read_request(1, 0x3000, 1)))[1] == 3, "the other unit is well"

    async def test_silence(self, bus):
        assert await exchange(bus("{instrument: depth, fault: silence}"), self.REQUEST) == b""

    async def test_wrong_crc(self, bus):
        answer = await exchange(bus("{instrument: depth, fault: wrong_checksum}"), self.REQUEST)
        assert len(answer) == 13
        assert modbus_crc(answer[:-2]) != answer[-2:]

    async def test_short_answer_is_a_good_frame_with_fewer_registers(self, bus):
        answer = await exchange(bus("{instrument: depth, fault: short_answer, magnitude: 2}"), self.REQUEST)
        assert answer[2] == 4
        assert modbus_crc(answer[:-2]) == answer[-2:]

    async def test_echo_comes_first(self, bus):
        answer = await exchange(bus("{instrument: depth, fault: echo}"), self.REQUEST)
        assert answer.startswith(self.REQUEST)
        assert len(answer) == len(self.REQUEST) + 13

    async def test_noise_comes_before_the_answer(self, bus):
        answer = await exchange(bus("{instrument: depth, fault: noise, magnitude: 5}"), self.REQUEST)
        assert len(answer) == 18
        assert modbus_crc(answer[5:-2]) == answer[-2:]

    async def test_other_unit(self, bus):
        answer = await exchange(bus("{instrument: depth, fault: other_unit, magnitude: 3}"), self.REQUEST)
        assert answer[0] == 5
        assert modbus_crc(answer[:-2]) == answer[-2:]

    async def test_another_parity_spares_bytes_with_an_odd_number_of_ones(self, bus):
        """8N1 read as 8E1: the stop bit, a one, stands where the parity should."""
        well = await exchange(bus(""), self.REQUEST)
        ill = await exchange(bus("{instrument: depth, fault: parity}"), self.REQUEST)
        assert ill == bytes(byte if bin(byte).count("1") % 2 else 0 for byte in well) != well

    async def test_late_answer_comes_into_the_next_request(self, bus, monkeypatch):
        """What the client asked second is answered first: the trap of an RTU line."""
        line = bus("{instrument: depth, fault: late_answer, magnitude: 0.2}")
        laid: list[tuple[float, bytes]] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", lambda delay_s, reply, data: laid.append((delay_s, data)))
        handler = rtu_handler(line)
        for request in (self.REQUEST, read_request(1, 0x3000, 1)):
            handler(request, lambda data: None)
        (late_s, late), (soon_s, soon) = laid
        assert (late[0], soon[0]) == (2, 1)
        assert late_s == pytest.approx(0.2, abs=0.05)
        assert soon_s < 0.05

    async def test_stuck_and_invalid_values(self, bus):
        line = bus("{instrument: depth, fault: invalid}")
        answer = await exchange(line, self.REQUEST)
        pressure, temperature = struct.unpack(">ff", answer[3:11])
        assert np.isnan(pressure)
        assert np.isfinite(temperature)
        integers = await exchange(line, read_request(2, 0x0012, 2))
        assert struct.unpack(">i", integers[3:7])[0] == 2147483647

    async def test_a_fault_of_the_line_hits_all_its_units(self, bus):
        line = bus("{link: water, fault: silence}")
        assert await exchange(line, self.REQUEST, read_request(1, 0x3000, 1)) == b""


class TestTcp:
    async def test_same_registers_behind_an_mbap_header(self, bus):
        line = bus()
        request = struct.pack(">HHHB", 77, 0, 6, 2) + b"\x03" + struct.pack(">HH", 0x0100, 4)
        answer = await exchange(line, request[:5], request[5:], handler_of=tcp_handler)
        assert struct.unpack(">HHHB", answer[:7]) == (77, 0, 11, 2)
        assert answer[7:] == (await exchange(line, read_request(2, 0x0100, 4)))[1:-2]

    async def test_a_unit_that_is_not_there_is_answered_as_by_a_gateway(self, bus):
        request = struct.pack(">HHHB", 78, 0, 6, 9) + b"\x03\x01\x00\x00\x02"
        assert await exchange(bus(), request, handler_of=tcp_handler) == struct.pack(">HHHB", 78, 0, 3, 9) + b"\x83\x0b"

    async def test_what_is_not_modbus_is_dropped(self, bus):
        assert await exchange(bus(), b"GET / HTTP/1.1\r\n\r\n", handler_of=tcp_handler) == b""


@pytest.mark.needs("mbpoll")
class TestMbpoll:
    """A Modbus master nobody here wrote."""

    @staticmethod
    async def poll(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec("mbpoll", "-0", "-1", *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode is not None
        return process.returncode, output.decode()

    @staticmethod
    def numbers(output: str) -> list[float]:
        return [float(line.partition(":")[2]) for line in output.splitlines() if line.startswith("[")]

    async def test_reads_our_line_and_our_tcp_port(self, make_bench, tmp_path: Path):
        bench = make_bench(speed=1.0)
        places = await bench.start()
        stop = asyncio.Event()
        running = asyncio.create_task(bench.run(stop))
        line = [str(tmp_path / "ports" / "water"), "-m", "rtu", "-b", "9600", "-P", "none"]
        code, output = await self.poll("-a", "2", "-r", "256", "-c", "2", "-t", "4:float", "-B", *line)
        assert code == 0, output
        truth = bench.world.truth(bench.now_ms())
        pressure = truth["water_density"] * 9.80665 * (truth["water_level"] + 6.0) / 1e5
        assert self.numbers(output) == pytest.approx([pressure, truth["water_temperature"]], abs=0.05)
        code, output = await self.poll("-a", "2", "-r", "4000", "-c", "2", "-o", "1", *line)
        assert code == 1
        assert "Illegal data address" in output
        code, output = await self.poll("-a", "9", "-r", "256", "-c", "2", "-o", "0.3", *line)
        assert code == 1
        assert "timed out" in output
        port = places["level"].rpartition(":")[2]
        code, output = await self.poll("-a", "1", "-p", port, "-m", "tcp", "-r", "256", "-c", "2", "-t", "4:float", "-B", "127.0.0.1")
        assert code == 0, output
        assert self.numbers(output)[0] == pytest.approx(pressure, abs=1e-3)
        stop.set()
        await running
