"""An instrument's own settings: read where its document says how, compared with the station file, set again when the file allows it.

Promises: runs beside the reading and never holds it up; says each difference once (``settings_differ``, or ``settings_drifted`` of what
should have stayed as it was) and each change back (``settings_changed``); writes only with option ``settings: enforce``, only what differs,
and at most `TRIES` times until the setting is found right and has stayed so for `AGAIN_S` (a memory in the instrument wears out). Looks
again after the link or the instrument was away, when the records say so themselves, and every `AGAIN_S`. An instrument that does not answer
is left alone. Does not: know any instrument; the card's ``settings`` say what is asked and written.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from edge.errors import InstrumentError, LinkDown, LinkError, ModbusError
from edge.instruments.judge import getter
from edge.instruments.modbus import ModbusDriver
from edge.instruments.rate_watch import RateWatch
from edge.instruments.reading import Reading
from edge.instruments.wanted import comparable, option_of, said, same, wanted_of
from edge.links.modbus import ModbusBus
from firmware_config.base import log
from firmware_config.cards import Card
from firmware_config.cards.settings import CardSetting
from firmware_config.station import Instrument

logger = log.get(__name__)

TRIES = 3
AGAIN_S = 3600.0
LOOK_S = 60.0
ANSWER_S = 2.0
"""at least; a change of mode takes longer than a record"""
STEP_S = 0.3
"""between two commands of a change"""
CONFIRM = 3
"""so many records in a row must say the same before it is believed: a line without checksum has wrong digits"""
BETWEEN_READS_MS = 60_000.0
"""on a line that fails now and then, registers are not read again after each failure but once for all of this time"""
NOT_FRAMED_BYTES = 2000
"""so many bytes without a record in them: what marks a record is not sent"""
FEW, FEW_BYTES = 3, 200
"""of the two, when there is no time for more"""
NOT_SHOWN = 30
"""so many records in a row without a field: the instrument does not send it"""

Write = Callable[[bytes], Awaitable[None]]
Report = Callable[[str, dict[str, Any]], None]


class _Said:
    """What records say of one setting, and how many in a row said so."""

    __slots__ = ("get", "setting", "times", "value")

    def __init__(self, setting: CardSetting, get: Callable[[Any], Any]) -> None:
        self.setting, self.get = setting, get
        self.value: Any = None
        self.times = 0

    def take(self, values: dict[str, Any]) -> int:
        """How many records in a row say the same with this one, counted to `CONFIRM` and one; 0: this one says nothing."""
        found = self.get(values)
        if self.times and found == self.value:
            self.times = min(self.times, CONFIRM) + 1
        elif isinstance(found, str | int | float) and found != "":
            self.value, self.times = found, 1
        else:
            return 0
        return self.times


class SettingsKeeper:
    """Watches the settings of one instrument. ``report(kind, detail)`` takes the events; ``now_ms`` is the world's time."""

    def __init__(
        self, card: Card, instrument: Instrument, report: Report, now_ms: Callable[[], float], *,
        output: str = "RS232", look_s: float = LOOK_S, real_s: Callable[[], float] = time.monotonic, answer_s: float | None = None,
    ) -> None:  # fmt: skip
        options = dict(instrument.options)
        fitting = [entry for entry in card.settings if all(option_of(card, options, name) == value for name, value in entry.when.items())]
        self._wanted = {entry.name: wanted_of(entry, card, instrument) for entry in fitting}
        self.settings = [entry for entry in fitting if entry.wanted == "unchanged" or self._wanted[entry.name] is not None]
        self.enforce = options.get("settings") == "enforce"
        self._staying = [entry.name for entry in self.settings if entry.wanted == "unchanged"]
        self._unit = [instrument.serial_number, max((entry.date.isoformat() for entry in instrument.calibration), default="")]
        self._asked = [entry for entry in self.settings if entry.ask]
        self._registers = [entry for entry in self.settings if entry.register_field is not None]
        self._told_by_records = [_Said(entry, getter(entry.field)) for entry in self.settings if entry.field]
        self._shown = [(entry, getter(entry.shows)) for entry in self.settings if entry.shows]
        self._unseen: Counter[str] = Counter()
        self._framed = next((entry for entry in self.settings if entry.framed), None)
        self._unframed_bytes = 0
        self._measured = next((entry for entry in self.settings if entry.measured), None)
        self._counts = getter(self._measured.counts) if self._measured is not None and self._measured.counts else None
        self._rate = self._rate_watch(real_s)
        self._instrument, self._report, self._now_ms, self._real_s = instrument, report, now_ms, real_s
        self._answer_s = answer_s or max(ANSWER_S, card.timing.answer_longest / 1000)
        address = instrument.address if instrument.address is not None else card.stream.default_address if card.stream else ""
        width = len(card.stream.default_address) if card.stream else 0
        chosen = {name: str(option_of(card, options, name)) for name in card.options}
        self._names = {**chosen, "address": str(address).rjust(width, "0"), "output": output}
        self._look_s = look_s
        self._due = asyncio.Event()
        self._first_done = False
        self._pattern: re.Pattern[str] | None = None
        self._text = ""
        self._matched: asyncio.Future[re.Match[str]] | None = None
        self._found: dict[str, Any] = {}
        """what the records said and is still to be acted on"""
        self.seen: dict[str, str] = {}
        """settings as they were last found"""
        self._told: dict[str, Any] = {}
        self._tries: Counter[str] = Counter()
        self._wrote_s: dict[str, float] = {}
        period_ms = 1e3 / instrument.rate if instrument.rate else float(instrument.every or 1000)
        self._silent_ms = max(10_000.0, 5 * period_ms)
        self._heard_ms = now_ms()
        self._registers_left = TRIES
        self._registers_read_s, self._registers_read_ms = real_s(), 0.0
        self._registers_wanted = asyncio.Event()
        self._registers_doubted = False
        self._missed = False

    def _rate_watch(self, real_s: Callable[[], float]) -> RateWatch | None:
        if self._measured is None:
            return None
        known_hz = tuple(float(value) for value in self._measured.words.values())
        wanted = float(self._wanted[self._measured.name])
        return RateWatch(wanted, slow=self._measured.wanted == "every", known_hz=known_hz, real_s=real_s)

    # --- what the reading tasks hand over

    def hear(self, data: bytes, readings: Sequence[Reading], at_ms: float, *, fresh: bool = False) -> None:
        """Bytes came and held these records; ``fresh``: the link was opened anew."""
        self._away(at_ms, fresh=fresh)
        if self._pattern is not None and self._matched is not None and not self._matched.done():
            self._text = (self._text + data.decode("latin-1"))[-8192:]
            if (match := self._pattern.search(self._text)) is not None:
                self._matched.set_result(match)
        whole = [reading.values for reading in readings if reading.values]
        if self._rate is not None:
            counts = self._counts
            self._measure(sum(getter_has(counts, values) for values in whole) if counts is not None else len(whole), at_ms)
        if self._framed is not None:
            self._find_frames(self._framed, len(data), found=bool(whole))
        if self._told_by_records or self._shown:
            for values in whole:
                self._read(values)

    def hear_poll(self, reading: Reading, at_ms: float, *, fresh: bool = False) -> None:
        """A device answered its poll; ``fresh``: the line was opened anew."""
        missed, self._missed = self._missed, False
        failed = self._away(at_ms, fresh=fresh or reading.suspect or missed)
        self._registers_doubted |= failed
        rested = at_ms - self._registers_read_ms > BETWEEN_READS_MS
        if (self._registers_doubted and rested) or self._real_s() - self._registers_read_s > AGAIN_S:
            self._registers_left, self._registers_doubted = TRIES, False
        self._read(reading.values)
        if self.registers_due:
            self._registers_wanted.set()

    def no_answer(self) -> None:
        """A device did not answer its poll: it may have lost its power, and with it what it was set to."""
        self._missed = True

    def _away(self, at_ms: float, *, fresh: bool) -> bool:
        away = fresh or at_ms - self._heard_ms > self._silent_ms
        self._heard_ms = at_ms
        if away and self._rate is not None:
            self._rate.restart()
        if away and self._first_done:
            self._due.set()
        return away

    def _measure(self, records: int, at_ms: float) -> None:
        assert self._rate is not None
        assert self._measured is not None
        found = self._rate.take(records, at_ms)
        if found is None or (same(found, self._wanted[self._measured.name]) and self._measured.name not in self._told):
            return
        if self._measured.ask:  # it can say so itself, once for each rate it comes at
            if self._found.get(self._measured.name) != found:
                self._found[self._measured.name] = found
                self._due.set()
        else:
            self._act_on(self._measured, found)

    def _read(self, values: dict[str, Any]) -> None:
        """What a record says of settings: its fields, and which fields it has."""
        for said_so in self._told_by_records:
            times = said_so.take(values)
            if times == CONFIRM or (times > CONFIRM and said_so.setting.name in self._told):
                self._act_on(said_so.setting, said_so.value)
        for setting, get in self._shown:
            seen = getter_has(get, values)
            self._unseen[setting.name] = 0 if seen else self._unseen[setting.name] + 1
            if (seen and setting.name in self._told) or self._unseen[setting.name] == NOT_SHOWN:
                self._act_on(setting, "shown" if seen else "not shown")

    def conclude(self) -> None:
        """Nothing more will be heard: what few records did not hold is told too."""
        for setting, _ in self._shown:
            if FEW <= self._unseen[setting.name] < NOT_SHOWN:
                self._act_on(setting, "not shown")
        if self._framed is not None and FEW_BYTES <= self._unframed_bytes < NOT_FRAMED_BYTES:
            self._act_on(self._framed, "not sent")

    def _find_frames(self, setting: CardSetting, size: int, *, found: bool) -> None:
        before = self._unframed_bytes
        self._unframed_bytes = 0 if found else before + size
        lost = before < NOT_FRAMED_BYTES <= self._unframed_bytes
        if lost or (found and setting.name in self._told):
            self._act_on(setting, "sent" if found else "not sent")

    def _act_on(self, setting: CardSetting, found: Any) -> None:
        """Tell now; what may be written is written by the task."""
        if self._differs(setting, found) and self._may_write(setting):
            self._found[setting.name] = found
            self._registers_left = max(self._registers_left, 1)
            self._due.set()

    # --- the task of an instrument that prints

    @property
    def speaks(self) -> bool:
        """Whether there is anything to ask or to write; what only listens needs no task."""
        return bool(self._asked) or (self.enforce and any(entry.write for entry in self.settings))

    async def run(self, write: Write) -> None:
        """Look at the settings at the start and whenever there is a reason to; runs for ever."""
        while True:
            try:
                await self.look(write)
                self._first_done = True
                await self._wait()
            except LinkDown:
                await asyncio.sleep(min(1.0, self._look_s))
            except LinkError as error:
                logger.info("settings not read", instrument=self._instrument.id, error=str(error))
                await asyncio.sleep(self._look_s)

    async def _wait(self) -> None:
        """Until there is a reason to look: told so, silence, or long ago."""
        since_s = self._real_s()
        while self._real_s() - since_s < AGAIN_S:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._look_s)
                return
            if self._now_ms() - self._heard_ms > self._silent_ms:
                return

    async def look(self, write: Write) -> None:
        """Ask what can be asked, and set what differs where that is allowed."""
        self._due.clear()
        for setting in self._asked:
            found = await self._ask(setting, write)
            if found is not None and self._is_news(setting, found) and await self._ask(setting, write) != found:
                continue  # an answer has no checksum: what is news is asked twice
            if found is not None and self._differs(setting, found) and await self._set(setting, write):
                again = await self._ask(setting, write)
                if again is not None:
                    self._differs(setting, again)
        for setting in [entry for entry in self.settings if entry.name in self._found and not entry.ask]:
            del self._found[setting.name]
            await self._set(setting, write)
            if setting is self._measured and self._rate is not None:
                self._rate.restart()

    async def _ask(self, setting: CardSetting, write: Write) -> str | None:
        match = await self._exchange(self._fill(setting.ask), setting.answer, write)
        return match["value"].strip() if match is not None else None

    async def _exchange(self, text: str, pattern: str, write: Write) -> re.Match[str] | None:
        self._text, self._pattern = "", re.compile(self._fill(pattern))
        self._matched = asyncio.get_running_loop().create_future()
        try:
            await write(text.encode("latin-1"))
            return await asyncio.wait_for(self._matched, self._answer_s)
        except TimeoutError:
            return None
        finally:
            self._pattern = self._matched = None

    async def _set(self, setting: CardSetting, write: Write) -> bool:
        if not setting.write or not self._may_write(setting):
            return False
        self._wrote(setting)
        try:
            for step in setting.write:
                text = self._fill(step.send).replace("{value}", said(self._word(setting)))
                if step.expect is not None:
                    if await self._exchange(text, step.expect, write) is None:
                        return False
                else:
                    await write(text.encode("latin-1"))
                await asyncio.sleep(STEP_S)
        finally:
            if setting.leave:
                await write(setting.leave.encode("latin-1"))
        return True

    # --- devices that are asked over Modbus

    @property
    def registers_due(self) -> bool:
        """Whether registers that tell settings are to be read, or one to be written; a device that refuses is asked `TRIES` times."""
        return self._registers_left > 0 and bool(self._registers or self._found)

    async def run_registers(self, driver: ModbusDriver, bus: ModbusBus) -> None:
        """Look at the registers whenever a poll says that there is a reason to; runs for ever, beside the polls."""
        while True:
            await self._registers_wanted.wait()
            self._registers_wanted.clear()
            if self.registers_due:
                await self.look_at_registers(driver, bus)

    async def look_at_registers(self, driver: ModbusDriver, bus: ModbusBus) -> None:
        """Read the registers that tell settings and write those that differ where that is allowed. Nothing the device does raises."""
        self._registers_left -= 1
        waiting, self._found = self._found, {}
        try:
            told = await driver.identify(bus) if self._registers else {}
            differing = [entry for entry in self._registers if self._register_differs(entry, told)]
            written = [await self._write_register(entry, driver, bus) for entry in differing if self._may_write(entry)]
            if any(written):
                told = await driver.identify(bus)
                for entry in differing:
                    self._register_differs(entry, told)
            for entry in self.settings:
                if entry.name in waiting and self._may_write(entry):
                    await self._write_register(entry, driver, bus)
        except (ModbusError, LinkDown) as error:
            logger.info("settings not read", instrument=self._instrument.id, error=str(error))
            return
        self._registers_left, self._registers_read_s, self._registers_read_ms = 0, self._real_s(), self._now_ms()

    def check(self, told: dict[str, Any]) -> None:
        """Compare registers that somebody else read."""
        for entry in self._registers:
            self._register_differs(entry, told)

    def _register_differs(self, setting: CardSetting, told: dict[str, Any]) -> bool:
        assert setting.register_field is not None
        found = getter(setting.register_field)(told)
        if isinstance(found, list):
            found = ", ".join(map(said, found))
        return isinstance(found, str | int | float) and self._differs(setting, found)

    async def _write_register(self, setting: CardSetting, driver: ModbusDriver, bus: ModbusBus) -> bool:
        """Write it once; False when the device refuses."""
        assert setting.write_function is not None
        self._wrote(setting)
        try:
            await driver.write(bus, setting.register_field or setting.field, self._word(setting), setting.write_function)
        except (ModbusError, InstrumentError) as error:
            logger.warning("setting not written", instrument=self._instrument.id, setting=setting.name, error=str(error))
            return False
        return True

    # --- what must not be forgotten over a restart

    def memory(self) -> dict[str, Any]:
        """What the settings that are to stay as they are were first found at, as plain data; empty when there are none."""
        known = {name: wanted for name in self._staying if (wanted := self._wanted[name]) is not None}
        return {"staying": {"unit": self._unit, "settings": known}} if known else {}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` gave before, unless it is of another unit or the unit was calibrated since; what does not read is left
        out."""
        kept = memory.get("staying")
        if not isinstance(kept, dict) or kept.get("unit") != self._unit or not isinstance(kept.get("settings"), dict):
            return
        for name in self._staying:
            if isinstance(value := kept["settings"].get(name), str | int | float):
                self._wanted[name] = value

    # --- comparing and telling

    def _is_news(self, setting: CardSetting, raw: Any) -> bool:
        """Whether this would be told, or be what a setting should stay at."""
        found, wanted = setting.words.get(str(raw).strip(), raw), self._wanted[setting.name]
        return wanted is None or (not same(found, wanted) and self._told.get(setting.name) != found)

    def _differs(self, setting: CardSetting, raw: Any) -> bool:
        """Compare, and tell what is new: a difference, or that it is gone."""
        found = setting.words.get(str(raw).strip(), raw)
        self.seen[setting.name] = f"{said(found)} {setting.unit}".strip()
        if setting.wanted == "unchanged" and self._wanted[setting.name] is None:
            self._wanted[setting.name] = found
        wanted = self._wanted[setting.name]
        if not comparable(found, wanted):
            return False
        if same(found, wanted):
            if (before := self._told.pop(setting.name, None)) is not None:
                self._tell("settings_changed", setting, before)
            if self._real_s() - self._wrote_s.get(setting.name, -AGAIN_S) >= AGAIN_S:
                self._tries[setting.name] = 0
            return False
        if self._told.get(setting.name) != found:
            self._told[setting.name] = found
            self._tell("settings_drifted" if setting.wanted == "unchanged" else "settings_differ", setting, found)
        return True

    def _tell(self, kind: str, setting: CardSetting, found: Any) -> None:
        found_said, wanted_said = (f"{said(value)} {setting.unit}".strip() for value in (found, self._wanted[setting.name]))
        named = {"instrument": self._instrument.id, "setting": setting.name, "setting_zh": setting.zh}
        self._report(kind, {**named, "found": found_said, "wanted": wanted_said})

    def _may_write(self, setting: CardSetting) -> bool:
        can = bool(setting.write or setting.write_function) and self._word(setting) is not None
        return self.enforce and can and self._tries[setting.name] < TRIES

    def _wrote(self, setting: CardSetting) -> None:
        self._tries[setting.name] += 1
        self._wrote_s[setting.name] = self._real_s()

    def _word(self, setting: CardSetting) -> Any:
        """What is wanted, in the instrument's word; None when it has none for that."""
        wanted = self._wanted[setting.name]
        if not setting.words or setting.shows:
            return wanted
        return next((word for word, value in setting.words.items() if same(value, wanted)), None)

    def _fill(self, text: str) -> str:
        for name, value in self._names.items():
            text = text.replace("{" + name + "}", value)
        return text


def getter_has(get: Callable[[Any], Any], values: dict[str, Any]) -> bool:
    """Whether a record holds this field with a value."""
    return isinstance(get(values), str | int | float | list | dict)
