"""The driver of any Modbus instrument: what its card says is read, judged and handed on. A new instrument is a card, no code.

Promises: `ModbusDriver.poll` never raises for anything the device or the line does; it returns a reading that says why there is none. A
device that must be started is started first, and again after it refused, lost power or said that it is not running; until it is stable its
readings are not valid. Does not: retry, hold the bus between requests, or open links.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from edge.errors import InstrumentError, LinkDown, ModbusError, ModbusRefused
from edge.instruments.calibration import Corrections
from edge.instruments.judge import Judge, Quantities, Verdict
from edge.instruments.reading import Decoded, Reading, Stats
from edge.instruments.registers import RegisterMap, encode
from edge.links.modbus import Limits, ModbusBus, Reply
from firmware_config.cards.modbus import Command, Read, Register
from firmware_config.cards.schema import Card

_LOST_POWER_AFTER = 3
"""So many failed polls in a row: it may have been without power and must be started again."""


def _written_by_settings(card: Card) -> list[Register]:
    """The registers that settings write, but for those whose writing the card describes by itself."""
    assert card.modbus is not None
    names = {entry.register_field or entry.field for entry in card.settings if entry.write_function}
    described = {register.address for register in card.modbus.writes}
    return [one for one in card.modbus.all_registers if one.field in names and one.address not in described]


class ModbusDriver:
    """One device of a bus. ``quantities``: names it can give. ``monotonic``: seconds of the world, for warming up (protocol limits are
    real)."""

    def __init__(
        self,
        card: Card,
        unit: int,
        options: Mapping[str, Any],
        *,
        limits: Limits,
        without: frozenset[str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        assert card.modbus is not None
        self.card = card
        self.unit = unit
        self.limits = limits
        self.stats = Stats()
        self._map = RegisterMap(card.modbus.all_registers, alike=card.modbus.same_registers)
        self._writes = RegisterMap([*card.modbus.writes, *_written_by_settings(card)], alike=True)
        self._blocks = frozenset(card.modbus.blocks.at if card.modbus.blocks else ())
        self._reads = [read for read in card.modbus.poll if card.applies(read.when, dict(options))]
        self._judge = Judge(card, options)
        self._quantities = Quantities(card, without, options)
        self._prepare = [card.modbus.commands[name] for name in card.modbus.prepare]
        self._not_running = {rule.reason for rule in card.rules if rule.not_all_zero}
        self._ready = not self._prepare
        self._stable_s = 0.0
        self._monotonic = monotonic
        self.quantities = self._quantities.names
        self.corrections: Corrections | None = None

    async def poll(self, bus: ModbusBus) -> Reading:
        """Ask once. ``reason`` of a reading without values: ``skipped`` (the device failed before and it is not its turn yet), ``link
        down``, ``timeout``, or what was wrong with the answer."""
        if not bus.take_turn(self.unit):
            self.stats.skipped += 1
            return self._failure("skipped")
        try:
            if not self._ready:
                await self._start(bus)
            replies = [(read, await self._ask(bus, read)) for read in self._reads]
        except LinkDown:
            return self._failure("link down", count="link down")
        except ModbusRefused as error:
            self._ready = not self._prepare
            return self._failure(str(error), count="exception", values={"exception": error.code})
        except ModbusError as error:
            return self._lost(bus, error)
        return self._reading(replies)

    async def identify(self, bus: ModbusBus) -> dict[str, Any]:
        """What the device says of itself (serial number and the like), without what it refuses; ModbusError when it does not answer."""
        assert self.card.modbus is not None
        found: dict[str, Any] = {}
        for read in self.card.modbus.identify:
            with suppress(ModbusRefused):
                found |= self._map.decode(read, (await self._ask(bus, read)).payload)
        return found

    async def write(self, bus: ModbusBus, field: str, value: Any, function: int) -> None:
        """Write a setting into the register of this field with function 6 or 16; ModbusError when the device refuses or does not answer,
        InstrumentError when the value is none of the register's."""
        assert self.card.modbus is not None
        register = next(one for one in self.card.modbus.all_registers if one.field == field)
        try:
            values = encode(register, value)
        except ValueError as error:
            raise InstrumentError(f"unit {self.unit}: {error}") from error
        await bus.write(self.unit, register.address, values, self.limits, function)

    def quantities_of(self, reading: Reading) -> dict[str, float | None]:
        """The quantities of a reading in the registry's units; None where a value is missing or a rule spoiled it."""
        return reading.quantities

    def decode(self, read: Read, payload: bytes, arrival_s: float = 0.0) -> Reading:
        """One answer on its own, judged (the ``decode`` command)."""
        values = self._map.decode(read, payload)
        if not values:
            return self._failure(f"no register of the card lies in 0x{read.address:04X}, {read.count} registers", count="layout")
        reading = self._judged(values, arrival_s, warming=False, suspect=False)
        if len(values) == 1 and self._blocks.issuperset(values):
            (reading.values,) = values.values()
        return reading

    def decode_write(self, address: int, values: bytes) -> Reading:
        """What another master was seen writing, after the device confirmed it (the ``decode`` command)."""
        read = Read.model_construct(function=3, address=address, count=len(values) // 2)
        found = self._writes.decode(read, values)
        if not found:
            return self._failure(f"the card describes no writing at 0x{address:04X}, {read.count} registers", count="layout")
        return Reading(time.monotonic(), {"wrote": {"address": address, **found}}, True)

    async def _ask(self, bus: ModbusBus, read: Read | Command) -> Reply:
        return await bus.read(self.unit, read.function, read.address, read.count, self.limits)

    async def _start(self, bus: ModbusBus) -> None:
        for command in self._prepare:
            await self._ask(bus, command)
            self._stable_s = max(self._stable_s, self._monotonic() + (command.wait or 0) / 1000)
        self._ready = True

    def _lost(self, bus: ModbusBus, error: ModbusError) -> Reading:
        if error.reason == "timeout":
            self.stats.timeouts += 1
        if bus.unit(self.unit).failures >= _LOST_POWER_AFTER:
            self._ready = not self._prepare
        return self._failure(str(error), count=error.reason)

    def _failure(self, reason: str, *, count: str | None = None, values: dict[str, Any] | None = None) -> Reading:
        if count is not None:
            self.stats.bad[count] += 1
        return Reading(time.monotonic(), values or {}, False, reason)

    def _reading(self, replies: list[tuple[Read, Reply]]) -> Reading:
        values: dict[str, Any] = {}
        for read, reply in replies:
            values |= self._map.decode(read, reply.payload)
        warming = self._monotonic() < self._stable_s
        return self._judged(values, replies[-1][1].arrival_s, warming=warming, suspect=any(reply.suspect for _, reply in replies))

    def _judged(self, values: dict[str, Any], arrival_s: float, *, warming: bool, suspect: bool) -> Reading:
        verdict = self._judge.verdict(Decoded("poll", values, {}))
        if warming and not verdict.words:
            verdict = Verdict(("warming up",), "warming up after its start", dict.fromkeys(values, "warming up"))
        if self._not_running.intersection(verdict.words):
            self._ready = not self._prepare
        good, spoiled = self._quantities.of(values, verdict.spoiled)
        before = self.corrections.apply(good) if self.corrections is not None else {}
        if verdict.words:
            self.stats.bad.update(verdict.words)
        else:
            self.stats.good += 1
        return Reading(arrival_s, values, not verdict.words, verdict.reason, suspect, quantities=good, spoiled=spoiled, uncorrected=before)
