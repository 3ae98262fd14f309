"""An instrument's own settings against the station file, through real pseudo-terminals and the bench's instruments."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.agent.acquisition import Acquisition, Source
from edge.agent.timebase import StationTime
from edge.instruments import Reading
from edge.instruments.settings import SettingsKeeper
from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.cards import all_cards, load_card, option_problems
from firmware_config.station import Instrument, Station
from simulators.serve.station import Plan, StationBench
from simulators.world import WorldConfig
from tests.simulators.conftest import station_dict

RECORD = Reading(0.0, {"u": 1.0}, True)
Event = tuple[str, dict[str, Any]]
MODELS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "irga": ("licor_li7500_grammar", {"rate": "10 Hz", "options": {"analyser": "li7500"}}, {"rate": 5}),
    "weather": ("vaisala_wxt536_ascii", {"every": "1s", "address": "0", "options": {"mode": "automatic"}}, {"mode": "polled"}),
    "barometer": ("paroscientific_digiquartz", {"every": "1s", "options": {"unit": "psi"}}, {"unit": "kPa"}),
    "optode": ("aanderaa_optode_ascii", {"every": "2s"}, {}),
}


def instrument(name: str, *, enforce: bool, model: str = "", **changes: Any) -> dict[str, Any]:
    known, more, _ = MODELS.get(name, (model, {}, {}))
    options = {**more.get("options", {}), **({"settings": "enforce"} if enforce else {})}
    base = {"id": name, "model": known, "place": name, "serial_number": "77", "link": name, "mounting": {"height_m": 4.0}}
    return {**base, **more, **changes, "options": options}


class Line:
    """A station of one instrument on the bench; `power_cut` takes the instrument away and starts it with what it was set to before."""

    def __init__(self, folder: Path, item: dict[str, Any], factory: dict[str, Any], speed: float) -> None:
        links = [{"id": item["link"], "kind": "serial", "port": "/dev/null", "baud": 9600}]
        self.station = Station.model_validate(station_dict(links=links, instruments=[item], products=[]))
        self.ports = folder / "ports"
        self.file = WorldClockFile(folder / "clock.json")
        self.file.start(speed)
        self.clock = WorldClock(self.file.path)
        self.world = WorldConfig.model_validate({"schema": 1, "seed": 1, "instruments": {item["id"]: {"set": factory}}})
        self.events: list[Event] = []
        self.good: Counter[str] = Counter()
        self.stop = asyncio.Event()
        self.serving: asyncio.Task[None] | None = None

    async def power_on(self) -> None:
        bench = StationBench(self.station, Plan(self.ports, self.world, clock_file=self.file), self.clock)
        await bench.start()
        self.stop = asyncio.Event()
        self.serving = asyncio.create_task(bench.run(self.stop))

    async def power_off(self) -> None:
        self.stop.set()
        assert self.serving is not None
        await self.serving

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [detail for name, detail in self.events if name == kind]

    def deliver(self, source: Source, reading: Reading, at_ms: float) -> None:
        self.good[source.instrument.id] += reading.valid


@asynccontextmanager
async def line(folder: Path, item: dict[str, Any], factory: dict[str, Any], speed: float = 10.0) -> AsyncIterator[Line]:
    bench = Line(folder, item, factory, speed)
    await bench.power_on()
    acquisition = Acquisition(
        bench.station, StationTime(bench.clock), bench.deliver, ports=bench.ports, on_change=lambda kind, detail: bench.events.append((kind, detail))
    )  # fmt: skip
    parts = [asyncio.ensure_future(part()) for part in acquisition.parts().values()]
    try:
        yield bench
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await acquisition.close()
        await bench.power_off()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("name", "found", "wanted"), [("irga", "5 Hz", "10 Hz"), ("weather", "polled", "automatic"), ("barometer", "kPa", "psi")]
)
async def test_a_wrong_setting_is_told_and_left(tmp_path: Path, name: str, found: str, wanted: str) -> None:
    async with line(tmp_path, instrument(name, enforce=False), MODELS[name][2]) as bench:
        await until(lambda: bench.of("settings_differ"))
        (told,) = bench.of("settings_differ")
        assert (told["instrument"], told["found"], told["wanted"]) == (name, found, wanted)
        assert not bench.of("settings_changed")


async def test_a_wrong_rate_is_set_and_set_again_after_a_power_cut(tmp_path: Path) -> None:
    async with line(tmp_path, instrument("irga", enforce=True), {"rate": 5}) as bench:
        await until(lambda: bench.of("settings_changed"))
        await bench.power_off()
        await until(lambda: bench.of("link_lost"))
        await bench.power_on()
        await until(lambda: len(bench.of("settings_changed")) == 2)
        assert [(told["found"], told["wanted"]) for told in bench.of("settings_differ")] == [("5 Hz", "10 Hz")] * 2


async def test_a_sonic_at_another_rate_is_noticed_by_its_records_and_set() -> None:
    events: list[Event] = []
    item = Instrument.model_validate(instrument("sonic", enforce=True, model="gill_windmaster_ascii", rate="20 Hz"))
    clock = {"s": 0.0}
    watched = SettingsKeeper(
        load_card(item.model), item, lambda *event: events.append(event), lambda: clock["s"] * 1e3, real_s=lambda: clock["s"]
    )
    written: list[bytes] = []

    async def write(data: bytes) -> None:
        written.append(data)
        if data == b"*":
            asyncio.get_running_loop().call_soon(watched.hear, b"\r\nCONFIGURATION MODE\r\n", [], clock["s"] * 1e3)

    def blow(rate: int) -> None:
        for _ in range(30):
            clock["s"] += 1.0
            watched.hear(b"", [RECORD] * rate, clock["s"] * 1e3)

    for rate in (20, 10, 20):  # a power cut brings back 10 Hz
        blow(rate)
        await watched.look(write)
    assert written == [b"*", b"P25\r", b"Q\r"]
    assert [(kind, told["found"], told["wanted"]) for kind, told in events] == [
        ("settings_differ", "10 Hz", "20 Hz"),
        ("settings_changed", "10 Hz", "20 Hz"),
    ]


async def test_settings_that_agree_are_no_news(tmp_path: Path) -> None:
    async with line(tmp_path, instrument("optode", enforce=True), {}) as bench:
        await until(lambda: bench.good["optode"] > 3)
        assert bench.events == []


def keeper(events: list[Event], **options: Any) -> SettingsKeeper:
    item = Instrument.model_validate(instrument("irga", enforce=True))
    return SettingsKeeper(load_card(item.model), item, lambda kind, detail: events.append((kind, detail)), lambda: 0.0, **options)


async def test_an_instrument_that_takes_no_setting_is_left_alone_after_three_tries() -> None:
    events: list[Event] = []
    written: list[bytes] = []
    watched = keeper(events)

    async def write(data: bytes) -> None:
        written.append(data)
        if b"?" in data:
            asyncio.get_running_loop().call_soon(watched.hear, b"(Outputs(RS232(Freq 5)))\r\n", [], 0.0)

    for _ in range(5):
        await watched.look(write)
    assert written.count(b"(Outputs(RS232(Freq 10)))\n") == 3
    assert [kind for kind, _ in events] == ["settings_differ"]


async def test_an_instrument_that_never_answers_settings_does_not_delay_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.instruments.licor.GasAnalyser.answer", lambda *_: b"")
    async with line(tmp_path, instrument("irga", enforce=True), {}) as bench:
        await until(lambda: bench.good["irga"] > 50)
        assert bench.events == []


async def test_half_of_the_records_lost_is_no_other_rate() -> None:
    events: list[Event] = []
    item = Instrument.model_validate(instrument("sonic", enforce=True, model="gill_windmaster_ascii", rate="20 Hz"))
    real = iter(range(100_000))
    watched = SettingsKeeper(
        load_card(item.model), item, lambda *event: events.append(event), lambda: 0.0, real_s=lambda: float(next(real))
    )
    for second in range(60):
        watched.hear(b"", [RECORD] * 14, second * 1000.0)  # 14 Hz is no rate of this sonic
    assert events == []


def test_the_option_belongs_to_models_with_settings() -> None:
    for card in all_cards().values():
        wrong = list(option_problems(card, {"settings": "enforce"}))
        assert bool(wrong) != bool(card.settings), card.model
