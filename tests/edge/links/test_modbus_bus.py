"""The Modbus bus against an RS-485 line that misbehaves in every way the reference lists, on a real pseudo-terminal."""

import asyncio
import time
from pathlib import Path

import pytest

from edge.errors import LinkDown, ModbusBadAnswer, ModbusRefused, ModbusTimeout
from edge.links import Limits, ModbusBus, open_bus
from edge.links import modbus as modbus_module
from edge.links.framing import Answer, Request, find_rtu
from firmware_config.station import ModbusRtuLink
from tests.edge.links.peers import Pty, Rs485, holding, registers, sealed, until

LIMITS = Limits(answer_s=5.0, longest_s=5.0)
"""Where an answer is expected: longer than any busy machine needs."""
QUICK = Limits(answer_s=0.1, longest_s=0.6)
"""Where none is expected in time."""
LINK = ModbusRtuLink(id="water", kind="modbus_rtu", port="none", baud=115_200)


@pytest.fixture
def modbus_link() -> ModbusRtuLink:
    """Faster than any line, so that what is timed is the bus."""
    return LINK


def number(reply) -> int:
    return int.from_bytes(reply.payload, "big")


async def test_a_register_is_read(line: Rs485, bus: ModbusBus) -> None:
    line.answers[1] = holding(1, lambda address: address + 7)
    reply = await bus.read(1, 3, 0x0100, 2, LIMITS)
    assert reply.payload == bytes.fromhex("01070108")
    assert not reply.suspect
    assert 0 <= reply.took_s < LIMITS.answer_s


async def test_silence_is_a_timeout_and_the_next_answer_is_suspect_once(line: Rs485, bus: ModbusBus) -> None:
    with pytest.raises(ModbusTimeout):
        await bus.read(1, 3, 0, 1, QUICK)
    line.answers[1] = holding(1, lambda _: 5)
    assert (await bus.read(1, 3, 0, 1, LIMITS)).suspect
    assert not (await bus.read(1, 3, 0, 1, LIMITS)).suspect
    assert bus.unit(1).bad == {"timeout": 1}


async def test_a_late_answer_is_never_taken_for_the_next_one(line: Rs485, bus: ModbusBus) -> None:
    """Unit and function agree and the lengths are equal: only silence after the timeout keeps the values apart."""
    late = asyncio.Event()

    async def slow_once(request: bytes) -> bytes:
        if not late.is_set():
            late.set()
            await asyncio.sleep(0.25)
        return await holding(1, lambda address: address)(request)

    line.answers[1] = slow_once
    with pytest.raises(ModbusTimeout):
        await bus.read(1, 3, 11, 1, QUICK)
    assert number(await bus.read(1, 3, 22, 1, LIMITS)) == 22
    assert bus.unexpected_bytes == 7


async def test_a_dead_device_holds_the_line_up_once_a_late_one_every_time(line: Rs485, bus: ModbusBus) -> None:
    """Nothing at all came within its longest answer time: the line is free again as soon as it has not answered."""

    async def late(request: bytes) -> bytes:
        await asyncio.sleep(0.2)
        return await holding(8, lambda address: address)(request)

    line.answers[1] = holding(1, lambda address: address)
    line.answers[8] = late
    for turn in range(3):
        for unit in (8, 9):
            with pytest.raises(ModbusTimeout):
                await bus.read(unit, 3, 11, 1, QUICK)
            assert (bus._quiet_until_s > 0) is (unit == 8 or turn == 0)
            assert number(await bus.read(1, 3, 22, 1, LIMITS)) == 22
    assert not bus.unit(8).mute
    line.answers[9] = holding(9, lambda address: address)
    assert (await bus.read(9, 3, 5, 1, LIMITS)).suspect
    assert not bus.unit(9).mute


async def test_a_late_answer_of_a_device_thought_dead_is_not_taken_for_its_next_one(line: Rs485, bus: ModbusBus) -> None:
    delays = iter((9.0, 0.3, 0.0))

    async def device(request: bytes) -> bytes:
        await asyncio.sleep(next(delays))
        return await holding(1, lambda address: address)(request)

    line.answers[1] = device
    for address in (11, 12):
        with pytest.raises(ModbusTimeout):
            await bus.read(1, 3, address, 1, QUICK)
    assert number(await bus.read(1, 3, 22, 1, LIMITS)) == 22


async def test_who_is_cancelled_while_asking_leaves_no_stray_answer(line: Rs485, bus: ModbusBus) -> None:
    async def slow(request: bytes) -> bytes:
        await asyncio.sleep(0.05)
        return await holding(1, lambda address: address)(request)

    line.answers[1] = slow
    asking = asyncio.create_task(bus.read(1, 3, 11, 1, QUICK))
    await until(lambda: line.requests)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert number(await bus.read(1, 3, 22, 1, LIMITS)) == 22


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (registers(1, [5]), "length"),
        (registers(1, [5, 6, 7]), "length"),
        (registers(2, [5, 6]), "other unit"),
        (registers(1, [5, 6], function=4), "other function"),
        (registers(1, [5, 6])[:-1] + b"\x00", "checksum"),
        (registers(1, [5, 6])[:-3], "checksum"),
        (b"\xff\x00\x7e\x55", "checksum"),
    ],
    ids=["short", "long", "foreign-unit", "other-function", "wrong-crc", "cut", "noise"],
)
async def test_a_wrong_answer_is_refused_with_its_reason(line: Rs485, bus: ModbusBus, answer: bytes, reason: str) -> None:
    async def wrong(_: bytes) -> bytes:
        return answer

    line.answers[1] = wrong
    with pytest.raises(ModbusBadAnswer) as caught:
        await bus.read(1, 3, 0, 2, QUICK)
    assert caught.value.reason == reason
    line.answers[1] = holding(1, lambda address: address)
    assert (await bus.read(1, 3, 3, 2, LIMITS)).payload == bytes.fromhex("00030004")


@pytest.mark.parametrize(
    "before", [b"\xff\x00\x7e", b"\x01\x03\x04", b"\x01\x83", registers(2, [1, 2])], ids=["noise", "lookalike", "half", "foreign"]
)
async def test_what_stands_before_the_answer_does_not_hide_it(line: Rs485, bus: ModbusBus, before: bytes) -> None:
    async def noisy(request: bytes) -> bytes:
        return before + await holding(1, lambda address: address)(request)

    line.answers[1] = noisy
    assert (await bus.read(1, 3, 3, 2, LIMITS)).payload == bytes.fromhex("00030004")


async def test_the_echo_of_a_half_duplex_line_is_not_an_answer(line: Rs485, bus: ModbusBus) -> None:
    async def echo_only(request: bytes) -> bytes:
        return request

    async def echo_and_answer(request: bytes) -> bytes:
        return request + await holding(1, lambda address: address)(request)

    line.answers[1] = echo_only
    with pytest.raises(ModbusTimeout):
        await bus.read(1, 3, 3, 2, QUICK)
    line.answers[1] = echo_and_answer
    assert (await bus.read(1, 3, 3, 2, LIMITS)).payload == bytes.fromhex("00030004")


async def test_an_exception_is_an_answer_of_a_living_device(line: Rs485, bus: ModbusBus) -> None:
    async def busy(request: bytes) -> bytes:
        return sealed(bytes((1, request[1] | 0x80, 6)))

    line.answers[1] = busy
    with pytest.raises(ModbusRefused) as caught:
        await bus.read(1, 3, 0, 1, LIMITS)
    assert caught.value.code == 6
    assert "busy" in str(caught.value)
    assert bus.unit(1).failures == 0
    assert bus.take_turn(1)


async def test_a_read_of_no_registers_starts_a_sensor(line: Rs485, bus: ModbusBus) -> None:
    async def start(request: bytes) -> bytes:
        assert request == bytes.fromhex("0103250000004ec6")  # printed in the reference for the Y504
        return bytes.fromhex("01030020f0")

    line.answers[1] = start
    assert (await bus.read(1, 3, 0x2500, 0, LIMITS)).payload == b""


async def test_an_answer_may_arrive_in_pieces(line: Rs485, bus: ModbusBus) -> None:
    async def dribble(request: bytes) -> bytes:
        answer = await holding(1, lambda address: address)(request)
        for byte in answer[:-1]:
            line.pty.send(bytes((byte,)))
            await asyncio.sleep(0.002)
        return answer[-1:]

    line.answers[1] = dribble
    assert (await bus.read(1, 3, 3, 2, LIMITS)).payload == bytes.fromhex("00030004")


async def test_requests_of_many_tasks_never_overlap(line: Rs485, bus: ModbusBus) -> None:
    busy = 0

    def exclusive(unit: int):
        async def device(request: bytes) -> bytes:
            nonlocal busy
            assert busy == 0
            busy += 1
            await asyncio.sleep(0.004)
            busy -= 1
            return await holding(unit, lambda address: 100 * unit + address)(request)

        return device

    for unit in range(1, 11):
        line.answers[unit] = exclusive(unit)
    replies = await asyncio.gather(*(bus.read(unit, 3, 1, 1, LIMITS) for unit in range(1, 11)))
    assert [number(reply) for reply in replies] == [100 * unit + 1 for unit in range(1, 11)]


async def test_a_dead_device_is_left_alone_more_and_more(bus: ModbusBus, line: Rs485) -> None:
    asked = []
    for turn in range(1, 90):
        if bus.take_turn(9):
            asked.append(turn)
            with pytest.raises(ModbusTimeout):
                await bus.read(9, 3, 0, 1, Limits(0.01, 0.01))
    assert asked == [1, 2, 4, 9, 24, 84]
    assert bus.unit(9).skipped == 89 - len(asked)


async def test_a_dead_device_does_not_starve_the_others(line: Rs485, bus: ModbusBus) -> None:
    """Twelve rounds over nine living units and a dead one: the dead one is asked four times, the living ones every time."""
    for unit in range(1, 10):
        line.answers[unit] = holding(unit, lambda address: address)
    good = 0
    for _ in range(12):
        for unit in range(1, 11):
            if not bus.take_turn(unit):
                continue
            try:
                await bus.read(unit, 3, 1, 1, QUICK if unit == 10 else LIMITS)
                good += 1
            except ModbusTimeout:
                assert unit == 10
    assert good == 12 * 9
    assert sum(request[0] == 10 for request in line.requests) == 4


async def test_back_off_ends_after_a_minute_however_slow_the_turns(bus: ModbusBus, monkeypatch: pytest.MonkeyPatch) -> None:
    state = bus.unit(3)
    for _ in range(5):
        state.failed("timeout")
    assert not bus.take_turn(3)
    now = time.monotonic()
    monkeypatch.setattr(modbus_module.time, "monotonic", lambda: now + 61)
    assert bus.take_turn(3)


async def test_a_device_that_comes_back_is_trusted_again(line: Rs485, bus: ModbusBus) -> None:
    for _ in range(4):
        with pytest.raises(ModbusTimeout):
            await bus.read(1, 3, 0, 1, Limits(0.02, 0.02))
    assert not bus.take_turn(1)
    line.answers[1] = holding(1, lambda address: address)
    await bus.read(1, 3, 0, 1, LIMITS)
    assert bus.take_turn(1)


async def test_an_unplugged_line_is_not_the_device_s_fault(line: Rs485, bus: ModbusBus, tmp_path: Path) -> None:
    line.answers[1] = holding(1, lambda address: address)
    await bus.read(1, 3, 1, 1, LIMITS)
    await line.stop()
    line.pty.unplug()
    await until(lambda: not bus.link.connected)
    with pytest.raises(LinkDown):
        await bus.read(1, 3, 1, 1, LIMITS)
    assert bus.unit(1).failures == 0
    line.pty = Pty(tmp_path / "water")
    line._task = asyncio.create_task(line._serve())
    await until(lambda: bus.link.connected)
    assert number(await bus.read(1, 3, 2, 1, LIMITS)) == 2


async def test_a_line_that_never_falls_silent_is_reported(line: Rs485, bus: ModbusBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_module, "BABBLE_LIMIT_S", 0.1)

    async def babble() -> None:
        while True:
            line.pty.send(b"\x55" * 20)
            await asyncio.sleep(0.001)

    noise = asyncio.create_task(babble())
    await until(lambda: bus._last_byte_s > 0)
    with pytest.raises(ModbusBadAnswer) as caught:
        await bus.read(1, 3, 1, 1, QUICK)
    noise.cancel()
    assert caught.value.reason in {"babble", "checksum"}


async def test_the_time_on_the_wire_is_allowed_for(tmp_path: Path) -> None:
    """255 bytes take 2.1 s at 1200 Bd, whatever the device's answer time: an answer complete after half a second is no timeout."""
    line = Rs485(Pty(tmp_path / "slow"))
    bus = open_bus(ModbusRtuLink(id="slow", kind="modbus_rtu", port="none", baud=1200), tmp_path)
    task = asyncio.create_task(bus.run())
    await until(lambda: bus.link.connected)

    async def paced(request: bytes) -> bytes:
        await asyncio.sleep(0.5)
        return await holding(1, lambda address: address)(request)

    line.answers[1] = paced
    assert len((await bus.read(1, 3, 0, 125, QUICK)).payload) == 250
    await bus.link.close()
    await task
    await line.stop()
    line.pty.unplug()


def test_of_several_answers_in_one_piece_the_last_is_the_one_to_the_present_request():
    request = Request(3, 4, 0x10, 1)
    old, new = (bytes((3, 4, 2, 0, value)) for value in (1, 2))
    frames = [sealed(body) for body in (old, new)]
    assert find_rtu(request, b"".join(frames)) == Answer(b"\x00\x02")
    assert find_rtu(request, request.rtu + frames[0] + frames[1][:-1]) == Answer(b"\x00\x01")
