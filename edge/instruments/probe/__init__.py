"""What answers on each link of a station, how fast, and with which settings: the measuring half of ``haitan-edge probe``.

Promises: only listens and asks; nothing is written to an instrument but the start command without which a sensor does not measure. Answer
times are measured as a distribution, and limits are proposed from it. The links must be free: the agent and this command cannot share a
port.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge.errors import EdgeError, ModbusRefused
from edge.instruments import Driver, ModbusDriver, Reading, StreamDriver, make_driver
from edge.instruments.probe.finding import Difference, Finding, judge_asked, judge_printing, propose, settings_of
from edge.instruments.settings import CONFIRM, SettingsKeeper
from edge.links import ByteLink, Limits, LinkChange, ModbusBus, open_bus, open_link
from edge.links.bytelink import Chunk
from firmware_config.cards import Card, load_card
from firmware_config.cards.schema import TextFormat
from firmware_config.station import Instrument, SerialLink, Station, TcpLink

__all__ = ["Finding", "Prober", "propose"]

LISTEN_S = 6.0
LISTEN_LONGEST_S = 35.0
ENOUGH_CHUNKS = 60
OPEN_LIMIT_S = 5.0
ASKS = 15
PATIENCE_S = 3.0
"""How long an answer is waited for while measuring: far longer than any device takes."""
SETTING_ANSWER_S = 2.0
"""How long an answer to a question about a setting is waited for."""
SETTLE_S = 0.5
"""What comes so soon after the port was opened had waited in it, and tells nothing of the rate."""
_NOT_IDENTITY = frozenset({"kind", "units", "addr", "msg", "xdr"})


class Prober:
    """Measures one station. ``listen_s``: seconds for each instrument that prints (None: three of its periods); ``search``: try other
    speeds and unit numbers where nothing answers; ``speed``: world seconds per real one; ``advance``: hears of seconds of work done."""

    def __init__(
        self,
        station: Station,
        ports: Path | None,
        *,
        search: bool = False,
        speed: float = 1.0,
        listen_s: float | None = None,
        advance: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._station = station
        self._ports = ports
        self._search = search
        self._speed = speed
        self._listen_s = listen_s
        self._advance = advance

    async def run(self) -> list[Finding]:
        """Every instrument, links side by side; in the order of the station file."""
        found: dict[str, Finding] = {}
        await asyncio.gather(*(self._link(link, found) for link in self._station.links))
        return [found[instrument.id] for instrument in self._station.instruments if instrument.id in found]

    def seconds_expected(self) -> float:
        """How much work `run` will report to ``advance``."""
        return sum(self._patience(x) if self._station.link(x.link).kind in {"serial", "tcp"} else 1.0 for x in self._station.instruments)

    def _patience(self, instrument: Instrument) -> float:
        if self._listen_s is not None:
            return self._listen_s
        period_s = 1 / instrument.rate if instrument.rate else (instrument.every or 1000) / 1000
        return min(LISTEN_LONGEST_S, max(LISTEN_S, 3.5 * period_s / self._speed))

    async def _link(self, link: Any, found: dict[str, Finding]) -> None:
        here = [instrument for instrument in self._station.instruments if instrument.link == link.id]
        if link.kind in {"serial", "tcp"}:
            for instrument in here:
                found[instrument.id] = await self._printing(link, instrument, self._patience(instrument))
                if self._search and isinstance(link, SerialLink) and not found[instrument.id].records:
                    await self._other_speeds(link, instrument, found[instrument.id])
                self._advance(self._patience(instrument))
            return
        changes: list[LinkChange] = []
        bus = open_bus(link, self._ports, changes.append)
        async with _running(bus.link, bus.run(), changes) as failure:
            for instrument in here:
                found[instrument.id] = await self._asked(bus, link, instrument, failure)
                self._advance(1.0)

    async def _printing(self, link: SerialLink | TcpLink, instrument: Instrument, seconds: float) -> Finding:
        card = load_card(instrument.model)
        finding = Finding(instrument, card, settings_of(link))
        driver = _driver(instrument, card, finding)
        if not isinstance(driver, StreamDriver):
            return finding
        driver.show_ignored = True
        chunks: list[Chunk] = []
        readings: list[Reading] = []
        changes: list[LinkChange] = []
        stream = open_link(link, self._ports, changes.append)
        keeper = self._keeper(finding, output="ENet" if isinstance(link, TcpLink) else "RS232")

        async def listen() -> None:
            async for chunk in stream:
                chunks.append(chunk)
                found = driver.feed(*chunk)
                readings.extend(found)
                keeper.hear(chunk[0], [reading for reading in found if not reading.ignored], chunk[1] * 1e3 * self._speed)

        async with _running(stream, listen(), changes) as failure:
            if failure:
                finding.verdict = f"cannot be opened: {failure}"
                return finding
            began_s = time.monotonic()
            with suppress(EdgeError):
                await keeper.look(stream.write)
            await _converse(stream, driver, chunks, seconds)
            finding.listened_s = (time.monotonic() - began_s) * self._speed
        keeper.conclude()
        finding.identity |= keeper.seen
        _summarise(finding, driver, readings)
        judge_printing(finding, b"".join(data for data, _ in chunks), self._speed, polled=driver.request is not None)
        return finding

    def _keeper(self, finding: Finding, *, output: str = "RS232") -> SettingsKeeper:
        """Compares the instrument's own settings with the station file; it writes nothing."""

        def differs(kind: str, detail: dict[str, Any]) -> None:
            if kind == "settings_differ":
                finding.differ.append(Difference(detail["setting"], detail["found"], detail["wanted"]))

        item = finding.instrument
        item = item.model_copy(update={"options": {name: value for name, value in item.options.items() if name != "settings"}})
        return SettingsKeeper(
            finding.card, item, differs, lambda: time.monotonic() * 1e3 * self._speed, output=output, answer_s=SETTING_ANSWER_S
        )

    async def _other_speeds(self, link: SerialLink, instrument: Instrument, finding: Finding) -> None:
        for baud in finding.card.link.bauds:
            if baud != link.baud:
                other = await self._printing(link.model_copy(update={"baud": baud}), instrument, 2.5)
                if other.records:
                    finding.verdict = f"answers at {baud} Bd, not at {link.baud} Bd: change the link in the station file"
                    return

    async def _asked(self, bus: ModbusBus, link: Any, instrument: Instrument, failure: str) -> Finding:
        card = load_card(instrument.model)
        finding = Finding(instrument, card, f"{settings_of(link)} unit {instrument.address}")
        driver = _driver(instrument, card, finding)
        if not isinstance(driver, ModbusDriver):
            return finding
        if failure:
            finding.verdict = f"cannot be opened: {failure}"
            return finding
        limit_s = driver.limits.answer_s
        driver.limits = Limits(PATIENCE_S, PATIENCE_S)
        reading = await driver.poll(bus)
        if reading.values:
            await _measure(bus, driver, finding)
            keeper = self._keeper(finding)
            for _ in range(CONFIRM):
                keeper.hear_poll(reading, 0.0)
            keeper.check(finding.identity)
            finding.values = {**reading.quantities, **reading.spoiled}
        judge_asked(finding, reading, limit_s)
        if self._search and not reading.values:
            await self._other_units(bus, finding, driver)
        return finding

    async def _other_units(self, bus: ModbusBus, finding: Finding, driver: ModbusDriver) -> None:
        assert driver.card.modbus is not None
        read, taken = driver.card.modbus.poll[0], {x.address for x in self._station.instruments if x.link == finding.instrument.link}
        for unit in (unit for unit in range(1, 248) if unit not in taken):
            try:
                await bus.read(unit, read.function, read.address, read.count, Limits(0.15, 0.15))
            except ModbusRefused:
                pass
            except EdgeError:
                continue
            finding.verdict = f"no answer as unit {finding.instrument.address}, but something answers as unit {unit}"
            return


@asynccontextmanager
async def _running(link: ByteLink, pump: Coroutine[Any, Any, None], changes: list[LinkChange]) -> AsyncIterator[str]:
    """A link with its reader at work; gives the reason when it cannot be opened, else an empty text. Closed at the end."""
    task = asyncio.create_task(pump)
    deadline_s = time.monotonic() + OPEN_LIMIT_S
    while not link.connected and not changes and time.monotonic() < deadline_s:  # noqa: ASYNC110 (the first success is not announced)
        await asyncio.sleep(0.02)
    try:
        yield "" if link.connected else changes[0].reason if changes else f"not open after {OPEN_LIMIT_S:.0f} s"
    finally:
        await link.close()
        await task


async def _converse(link: ByteLink, driver: StreamDriver, chunks: list[Chunk], seconds: float) -> None:
    """Listen; ask what may be asked, and for records where the station file says polled; stop early when plenty was heard."""
    form = driver.card.stream
    assert form is not None
    quiet = isinstance(form, TextFormat) and form.ask_ends_output and driver.request is None
    questions = [] if quiet else [text.replace("{address}", form.default_address).encode() for text in form.ask.values()]
    began_s = time.monotonic()
    while (passed_s := time.monotonic() - began_s) < seconds:
        request = questions.pop(0) if questions else driver.request
        try:
            if request is not None:
                await link.write(request)
        except EdgeError:
            return
        await asyncio.sleep(min(seconds - passed_s, 1.0))
        if len(chunks) > ENOUGH_CHUNKS and passed_s > LISTEN_S / 2:
            return


async def _measure(bus: ModbusBus, driver: ModbusDriver, finding: Finding) -> None:
    """Answer times of single requests, and what the device says of itself."""
    assert driver.card.modbus is not None
    read = driver.card.modbus.poll[0]
    for _ in range(ASKS):
        try:
            reply = await bus.read(driver.unit, read.function, read.address, read.count, driver.limits)
            finding.times_s.append(reply.took_s)
            finding.records += 1
        except EdgeError as error:
            finding.unanswered += 1
            finding.rejected[getattr(error, "reason", "link down")] += 1
    finding.times_s.sort()
    finding.proposal = propose(finding.times_s)
    try:
        finding.identity = {name: value for name, value in (await driver.identify(bus)).items() if value is not None}
    except EdgeError:
        finding.identity = {}


def _driver(instrument: Instrument, card: Card, finding: Finding) -> Driver | None:
    try:
        return make_driver(instrument, card)
    except EdgeError as error:
        finding.verdict = str(error)
        return None


def _summarise(finding: Finding, driver: StreamDriver, readings: list[Reading]) -> None:
    """Counts, rate, gaps, newest values, and what the instrument answered to questions."""
    finding.records = sum(reading.valid for reading in readings)
    finding.measurements = sum(bool(reading.quantities) for reading in readings)
    opened_s = readings[0].arrival_s if readings else 0.0
    steady = [reading for reading in readings if reading.valid and reading.arrival_s > opened_s + SETTLE_S]
    stamps = [reading.arrival_s for reading in steady] if driver.request is None else []
    finding.rejected = Counter(reading.reason for reading in readings if not reading.valid and not reading.ignored)
    asked = driver.card.stream is not None and driver.card.stream.ask
    for reading in readings:
        finding.values |= {**reading.quantities, **reading.spoiled}
        if asked and not reading.quantities:
            finding.identity |= {name: value for name, value in reading.values.items() if name not in _NOT_IDENTITY}
    if len(stamps) > 2:
        span_s = stamps[-1] - stamps[0]
        finding.rate_hz = (len(stamps) - 1) / span_s if span_s > 0 else None
        finding.times_s = sorted(b - a for a, b in pairwise(stamps))
