"""An instrument's own settings: read where its document says how, compared with the station file, set again when the file allows it.

Promises: runs beside the reading and never holds it up; says each difference once (``settings_differ``) and each change
(``settings_changed``); writes only with option ``settings: enforce``, at most `TRIES` times until the setting is found right. Looks again
after the link or the instrument was away, when the rate is not the declared one, and every `AGAIN_S`. An instrument that does not
answer is left alone. Does not: know any instrument; the card's ``settings`` say what is asked and written.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from edge.errors import LinkDown, LinkError
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
WINDOW_MS = 10_000.0
WINDOW_REAL_S = 2.0
"""a rate is measured over at least so long of both times: a fast bench hands records out in lumps"""
SAME_RATE = 0.08
"""neighbouring rates of an instrument (4 and 5, 8 and 10, 16 and 20 Hz) differ by a fifth and more"""

Write = Callable[[bytes], Awaitable[None]]


def wanted_of(setting: CardSetting, card: Card, instrument: Instrument) -> Any:
    """What the station file wants of a setting; None: it says nothing."""
    if setting.wanted.startswith("= "):
        return setting.wanted[2:]
    if setting.wanted == "rate":
        return instrument.rate
    if setting.wanted == "every":
        return None if instrument.every is None else instrument.every / 1000
    if setting.wanted == "serial_number":
        return instrument.serial_number if instrument.serial_number.isdecimal() else None
    name = setting.wanted.removeprefix("options.")
    return card.option(dict(instrument.options), name) if name in card.options else instrument.options.get(name, "automatic")


def same(found: Any, wanted: Any) -> bool:
    """Whether two values are one setting: as numbers where both are numbers, else as text in any case.

    >>> same("2.0e1", 20.0), same("0030", 30), same("Yes", "yes"), same("10", 20)
    (True, True, True, False)
    """
    with suppress(ValueError, TypeError):
        return abs(float(found) - float(wanted)) <= 1e-6 * abs(float(wanted))
    return str(found).strip().casefold() == str(wanted).strip().casefold()


class SettingsKeeper:
    """Watches the settings of one instrument. ``report(kind, detail)`` takes the events; ``now_ms`` is the world's time."""

    def __init__(
        self, card: Card, instrument: Instrument, report: Callable[[str, dict[str, Any]], None], now_ms: Callable[[], float], *,
        output: str = "RS232", look_s: float = LOOK_S, real_s: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        options = dict(instrument.options)
        fitting = [entry for entry in card.settings if all(_option(card, options, name) == value for name, value in entry.when.items())]
        self._wanted = {entry.name: wanted_of(entry, card, instrument) for entry in fitting}
        self.settings = [entry for entry in fitting if self._wanted[entry.name] is not None]
        self.enforce = options.get("settings") == "enforce"
        self._asked = [entry for entry in self.settings if entry.ask]
        self._register_settings = [entry for entry in self.settings if entry.register_field is not None]
        self._registers_left = TRIES
        self._measured = next((entry for entry in self.settings if entry.measured), None)
        self._instrument, self._report, self._now_ms, self._real_s = instrument, report, now_ms, real_s
        self._answer_s = max(ANSWER_S, card.timing.answer_longest / 1000)
        address = instrument.address if instrument.address is not None else card.stream.default_address if card.stream else ""
        width = len(card.stream.default_address) if card.stream else 0
        self._names = {"address": str(address).rjust(width, "0"), "output": output}
        self._look_s = look_s
        self._due = asyncio.Event()
        self._first_done = False
        self._pattern: re.Pattern[str] | None = None
        self._text = ""
        self._matched: asyncio.Future[re.Match[str]] | None = None
        self._told: dict[str, Any] = {}
        self._tries: Counter[str] = Counter()
        period_ms = 1e3 / instrument.rate if instrument.rate else float(instrument.every or 1000)
        self._silent_ms = max(10_000.0, 5 * period_ms)
        self._heard_ms = now_ms()
        self._window: tuple[float, float] | None = None
        self._records = 0
        self._votes: list[float] = []
        self._rate_hz: float | None = None

    # --- what the reading task hands over

    def hear(self, data: bytes, records: int, at_ms: float, *, fresh: bool = False) -> None:
        """Bytes came and held so many records; ``fresh``: the link was opened anew."""
        away = at_ms - self._heard_ms > self._silent_ms
        self._heard_ms = at_ms
        if (fresh or away) and self._first_done:
            self._due.set()
        if self._pattern is not None and self._matched is not None and not self._matched.done():
            self._text = (self._text + data.decode("latin-1"))[-8192:]
            if (match := self._pattern.search(self._text)) is not None:
                self._matched.set_result(match)
        if self._measured is not None:
            self._measure(records, at_ms, restart=fresh or away)

    def _measure(self, records: int, at_ms: float, *, restart: bool) -> None:
        if restart or self._window is None:
            self._window, self._records, self._votes = (at_ms, self._real_s()), 0, []
            return
        self._records += records
        elapsed_ms = at_ms - self._window[0]
        if elapsed_ms < WINDOW_MS or self._real_s() - self._window[1] < WINDOW_REAL_S or self._records < 20:
            return
        rate_hz = self._records / elapsed_ms * 1e3
        self._votes = [*self._votes[-1:], rate_hz]
        self._window, self._records = (at_ms, self._real_s()), 0
        if len(self._votes) == 2 and abs(self._votes[0] / self._votes[1] - 1) < SAME_RATE:
            self._rate_hz = self._known_rate(rate_hz)
            if self._rate_hz is not None and (not same(self._rate_hz, self._wanted_rate) or self._measured_told):
                self._votes = []
                self._due.set()

    @property
    def _wanted_rate(self) -> Any:
        return self._wanted[self._measured.name] if self._measured else None

    @property
    def _measured_told(self) -> bool:
        return self._measured is not None and self._measured.name in self._told

    def _known_rate(self, rate_hz: float) -> float | None:
        """The rate this is, of those the instrument has (any, when the card lists none); lost records make a rate that is none of them."""
        assert self._measured is not None
        listed = [float(value) for value in self._measured.words.values()]
        near = [value for value in [*listed, float(self._wanted_rate)] if abs(rate_hz / value - 1) < SAME_RATE]
        return min(near, key=lambda value: abs(rate_hz - value)) if near else None if listed else round(rate_hz, 1)

    # --- the task

    async def run(self, write: Write) -> None:
        """Look at the settings at the start and whenever there is a reason to; runs for ever."""
        while True:
            try:
                await self._look(write)
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

    async def _look(self, write: Write) -> None:
        self._due.clear()
        for setting in self._asked:
            found = await self._ask(setting, write)
            if found is not None and self._differs(setting, found) and await self._set(setting, write):
                again = await self._ask(setting, write)
                if again is not None:
                    self._differs(setting, again)
        if self._measured is not None and self._rate_hz is not None:
            rate_hz, self._rate_hz = self._rate_hz, None
            if self._differs(self._measured, rate_hz):
                await self._set(self._measured, write)
                self._window = None

    @property
    def registers_due(self) -> bool:
        """Whether the registers that tell settings are to be read; asked for a few times and then no more."""
        if self._registers_left and self._register_settings:
            self._registers_left -= 1
            return True
        return False

    def check(self, registers: dict[str, Any]) -> None:
        """Registers were read."""
        self._registers_left = 0
        for setting in self._register_settings:
            assert setting.register_field is not None
            if registers.get(setting.register_field) is not None:
                self._differs(setting, registers[setting.register_field])

    def _differs(self, setting: CardSetting, raw: Any) -> bool:
        """Compare, and tell what is new: a difference, or that it is gone."""
        wanted = self._wanted[setting.name]
        found = setting.words.get(str(raw).strip(), raw)
        detail = {"instrument": self._instrument.id, "setting": setting.name, "wanted": f"{_said(wanted)} {setting.unit}".strip()}
        if same(found, wanted):
            if (before := self._told.pop(setting.name, None)) is not None:
                self._report("settings_changed", {**detail, "found": f"{_said(before)} {setting.unit}".strip()})
            self._tries[setting.name] = 0
            return False
        if self._told.get(setting.name) != found:
            self._told[setting.name] = found
            self._report("settings_differ", {**detail, "found": f"{_said(found)} {setting.unit}".strip()})
        return True

    async def _ask(self, setting: CardSetting, write: Write) -> str | None:
        match = await self._exchange(self._fill(setting.ask), setting.answer, write)
        return match["value"] if match is not None else None

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
        wanted = self._wanted[setting.name]
        words = [word for word, value in setting.words.items() if same(value, wanted)]
        if not self.enforce or not setting.write or self._tries[setting.name] >= TRIES or (setting.words and not words):
            return False
        self._tries[setting.name] += 1
        try:
            for step in setting.write:
                text = self._fill(step.send).replace("{value}", words[0] if words else _said(wanted))
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

    def _fill(self, text: str) -> str:
        for name, value in self._names.items():
            text = text.replace("{" + name + "}", value)
        return text


def _option(card: Card, options: dict[str, Any], name: str) -> Any:
    return card.option(options, name) if name in card.options else options.get(name, "automatic")


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
