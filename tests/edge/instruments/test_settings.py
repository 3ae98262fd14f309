"""An instrument's own settings against the station file, through real pseudo-terminals and the bench's instruments."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from edge.agent.memory import InstrumentMemory
from edge.errors import ModbusRefused
from edge.instruments import Reading
from edge.instruments.settings import SettingsKeeper
from firmware_config.cards import all_cards, load_card, option_problems
from firmware_config.station import Instrument
from tests.edge.instruments.bench import Event, of_the_bench, one_line, running, until

RECORD = Reading(0.0, {"u": 1.0}, True)
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


@pytest.mark.parametrize(
    ("name", "found", "wanted"), [("irga", "5 Hz", "10 Hz"), ("weather", "polled", "automatic"), ("barometer", "kPa", "psi")]
)
async def test_a_wrong_setting_is_told_and_left(tmp_path: Path, name: str, found: str, wanted: str) -> None:
    async with running(tmp_path, one_line(instrument(name, enforce=False)), {name: MODELS[name][2]}) as bench:
        await until(lambda: bench.of("settings_differ"))
        (told,) = bench.of("settings_differ")
        assert (told["instrument"], told["found"], told["wanted"]) == (name, found, wanted)
        assert not bench.of("settings_changed")


async def test_a_wrong_rate_is_set_and_set_again_after_a_power_cut(tmp_path: Path) -> None:
    async with running(tmp_path, one_line(instrument("irga", enforce=True)), {"irga": {"rate": 5}}) as bench:
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
    async with running(tmp_path, one_line(instrument("optode", enforce=True))) as bench:
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
    async with running(tmp_path, one_line(instrument("irga", enforce=True))) as bench:
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


# instrument → what the station file wants, how the instrument is set when it is switched on, what is told of it. All of it can be written.
AT_FIRST = {
    "csat": ({"rate": "20 Hz"}, {"unprompted": False}, ("output", "prompted", "unprompted")),
    "optode": ({"every": "2s"}, {"interval": 4}, ("interval", "4 s", "2 s")),
    "closed_irga": ({}, {"elements": "co2 h2o cellpres"}, ("cell temperature", "not shown", "shown")),
    "sbe63": ({"options": {"format": 2}}, {"format": 3}, ("format", "3", "2")),
    "irga": ({}, {"hidden": "Pres"}, ("output of Pres", "not shown", "shown")),
    "rdo": ({}, {"oxygen_unit": 118}, ("oxygen unit", "ug/L", "mg/L")),
    "co2_air": ({"options": {"pressure_hpa": 985}}, {}, ("pressure for correction", "1013.25 hPa", "985 hPa")),
}
AFTER_A_POWER_CUT = {
    "sonic": ({"rate": "20 Hz"}, {"rate": 10}, ("rate", "10 Hz", "20 Hz")),
    "vectornav": ({"rate": "20 Hz"}, {"rate": 10}, ("rate", "10 Hz", "20 Hz")),
    "csat": ({}, {"sync": False}, ("sync word", "not sent", "sent")),
    "co2_air": AT_FIRST["co2_air"],  # it forgets what it was told before
}
SWAPPED = ("charger", "depth", "pyranometer", "oxygen")


async def test_what_can_be_written_becomes_what_the_file_says_and_a_swapped_sensor_is_told(tmp_path: Path) -> None:
    wants = {name: wanted for name, (wanted, _, _) in (AFTER_A_POWER_CUT | AT_FIRST).items()}
    changes = {name: {**more, "options": {**more.get("options", {}), "settings": "enforce"}} for name, more in wants.items()}
    factory = {name: dict(values) for name, (_, values, _) in AT_FIRST.items()} | {name: {"serial_number": "2045"} for name in SWAPPED}
    first = {(name, *what) for name, (_, _, what) in AT_FIRST.items()}
    async with running(tmp_path, of_the_bench(*wants, *SWAPPED, **changes), factory) as bench:
        serials = {(item.id, "serial number", "2045", item.serial_number) for item in bench.station.instruments if item.id in SWAPPED}
        await until(lambda: first <= bench.told("settings_changed") and serials <= bench.told("settings_differ"))
        assert bench.told("settings_differ") == first | serials
        assert bench.told("settings_changed") == first
        oxygen = [reading.quantities["dissolved_oxygen"] for reading in bench.readings["rdo"] if reading.valid]
        assert max(oxygen) < 1.2 * min(oxygen)  # in micrograms or in milligrams, the quantity is the same
        assert "celltemp" in bench.readings["closed_irga"][-1].values
        assert "Pres" in [one.values for one in bench.readings["irga"] if "Ndx" in one.values][-1]
        assert "thermistor_raw" in bench.readings["sbe63"][-1].values
        for name in ("sonic", "csat", "optode", "closed_irga", "sbe63", "vectornav"):
            assert not bench.acquisition.sources[name].driver.stats.bad, name  # answers to questions are no bad records
        await bench.power_off()
        bench.factory |= {name: dict(values) for name, (_, values, _) in AFTER_A_POWER_CUT.items()}
        bench.factory["depth"]["zero_bar"] = 0.25  # somebody set its zero meanwhile
        bench.events.clear()
        await bench.power_on()
        later = {(name, *what) for name, (_, _, what) in AFTER_A_POWER_CUT.items()}
        await until(lambda: later <= bench.told("settings_changed") and bench.of("settings_drifted"))
        assert later <= bench.told("settings_differ")
        assert bench.told("settings_drifted") == {("depth", "offset of P1", "-0.25 bar", "0 bar")}


async def test_a_zero_set_while_the_agent_was_off_is_told_by_the_next_agent(tmp_path: Path) -> None:
    kept = tmp_path / "instruments"
    async with running(tmp_path, of_the_bench("depth"), memory=InstrumentMemory(kept)) as bench:

        def written() -> bool:
            bench.acquisition.look(bench.clock.now_ms())
            return kept.exists() and any(kept.iterdir())

        await until(written)
        assert bench.events == []
    async with running(tmp_path, of_the_bench("depth"), {"depth": {"zero_bar": 0.25}}, memory=InstrumentMemory(kept)) as bench:
        await until(lambda: bench.of("settings_drifted"))
        assert bench.told("settings_drifted") == {("depth", "offset of P1", "-0.25 bar", "0 bar")}


async def test_at_the_pace_of_the_demo_no_instrument_that_is_set_right_is_told_or_written(tmp_path: Path) -> None:
    enforce = {"options": {"settings": "enforce"}}
    names = ("sonic", "csat", "proco2", "optode", "weather", "gnss", "charger", "depth", "rdo", "co2_air")
    async with running(tmp_path, of_the_bench(*names, **dict.fromkeys(names, enforce)), speed=30) as bench:
        watched = bench.acquisition.sources["gnss"].driver.stats
        await until(lambda: watched.good > 3 * 30 * 6)  # three sentences a second, for six real seconds
        assert [event for event in bench.events if event[0].startswith("settings")] == []
        assert all(bench.good[name] for name in names)


async def test_a_wrong_digit_in_one_answer_is_no_difference() -> None:
    events: list[Event] = []
    watched = keeper(events)
    answers = iter([b"(Outputs(RS232(Freq 18)))\r\n", b"(Outputs(RS232(Freq 10)))\r\n"])
    written: list[bytes] = []

    async def write(data: bytes) -> None:
        written.append(data)
        if b"?" in data:
            asyncio.get_running_loop().call_soon(watched.hear, next(answers), [], 0.0)

    await watched.look(write)
    assert events == []
    assert written == [b"(Outputs(RS232(Freq ?)))\n"] * 2


def reading(**values: Any) -> Reading:
    return Reading(0.0, values, True)


def test_what_records_tell_is_believed_when_three_say_the_same() -> None:
    events: list[Event] = []
    item = Instrument.model_validate(instrument("optode", enforce=False, serial_number="83"))
    watched = SettingsKeeper(load_card(item.model), item, lambda *event: events.append(event), lambda: 0.0)
    for serial in ("83", "38", "38", "83", "38", "38", "38", "38", "83", "83", "83"):
        watched.hear(b"", [reading(serial=serial)], 0.0)
    assert [(kind, told["found"], told["wanted"]) for kind, told in events] == [
        ("settings_differ", "38", "83"),
        ("settings_changed", "38", "83"),
    ]


class RefusingDriver:
    """A device that tells its registers and takes none."""

    def __init__(self, **told: Any) -> None:
        self.told = told
        self.writes: list[tuple[str, Any, int]] = []

    async def identify(self, bus: object) -> dict[str, Any]:
        return self.told

    async def write(self, bus: object, field: str, value: Any, function: int) -> None:
        self.writes.append((field, value, function))
        raise ModbusRefused(4, "unit 1 refuses: exception 4 (device failure)")


async def test_a_device_that_refuses_a_setting_is_asked_three_times_and_told_once() -> None:
    events: list[Event] = []
    item = Instrument.model_validate({**instrument("probe", enforce=True, model="insitu_rdo_aquatroll_modbus", every="2s"), "address": 1})
    watched = SettingsKeeper(load_card(item.model), item, lambda *event: events.append(event), lambda: 0.0)
    driver: Any = RefusingDriver()
    for _ in range(30):
        watched.hear_poll(reading(oxygen={"unit_id": 118}, temperature={"unit_id": 1}), 0.0)
        if watched.registers_due:
            await watched.look_at_registers(driver, None)  # type: ignore[arg-type]
    assert driver.writes == [("oxygen.unit_id", "117", 6)] * 3
    assert [(kind, told["setting"]) for kind, told in events] == [("settings_differ", "oxygen unit")]


@pytest.mark.parametrize("enforce", [False, True])
async def test_a_calibration_in_the_sensor_should_stay_what_it_was_and_is_never_written(enforce: bool) -> None:
    events: list[Event] = []
    item = Instrument.model_validate(
        {**instrument("probe", enforce=enforce, model="yosemitech_y504_modbus", every="2s"), "address": 1, "serial_number": "YL09"}
    )
    watched = SettingsKeeper(load_card(item.model), item, lambda *event: events.append(event), lambda: 0.0)
    driver: Any = RefusingDriver(serial_number="YL09 ", k=1.0, b=0.0)
    await watched.look_at_registers(driver, None)  # type: ignore[arg-type]
    assert events == []
    driver.told = {"serial_number": "YL09", "k": 1.08, "b": 0.0}
    await watched.look_at_registers(driver, None)  # type: ignore[arg-type]
    driver.told = {"serial_number": "YL09", "k": 1.0, "b": 0.0}
    await watched.look_at_registers(driver, None)  # type: ignore[arg-type]
    assert [(kind, told["setting"], told["found"], told["wanted"]) for kind, told in events] == [
        ("settings_drifted", "calibration K", "1.08", "1"),
        ("settings_changed", "calibration K", "1.08", "1"),
    ]
    assert driver.writes == []


async def test_what_changed_in_a_power_cut_just_after_a_look_is_found_a_minute_later() -> None:
    events: list[Event] = []
    item = Instrument.model_validate({**instrument("probe", enforce=False, model="yosemitech_y504_modbus", every="2s"), "address": 1})
    now_ms = 1e9
    watched = SettingsKeeper(load_card(item.model), item, lambda *event: events.append(event), lambda: now_ms)
    driver: Any = RefusingDriver(serial_number="77", k=1.0, b=0.0)
    looks = []
    for second in range(0, 120, 2):
        now_ms = 1e9 + second * 1e3
        if second == 10:
            watched.no_answer()
            driver.told = {"serial_number": "77", "k": 1.08, "b": 0.0}
            continue
        watched.hear_poll(RECORD, now_ms)
        if watched.registers_due:
            looks.append(second)
            await watched.look_at_registers(driver, None)  # type: ignore[arg-type]
    assert looks == [0, 62]
    assert [(kind, told["found"]) for kind, told in events] == [("settings_drifted", "1.08")]


@pytest.mark.parametrize(
    ("change", "drifts"),
    [({}, True), ({"serial_number": "YL10"}, False), ({"calibration": [{"date": "2026-11-20", "coefficients": {}}]}, False)],
    ids=["the same unit", "another unit", "calibrated since"],
)
async def test_what_should_stay_is_not_forgotten_over_a_restart(change: dict[str, Any], drifts: bool) -> None:
    """Somebody sets the sensor's calibration while the station is off: told, unless the station file has word of it."""

    async def run(entry: dict[str, Any], k: float, memory: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
        told: list[str] = []
        item = Instrument.model_validate(entry)
        watched = SettingsKeeper(load_card(item.model), item, lambda kind, detail: told.append(kind), lambda: 0.0)
        watched.recall(memory)
        driver: Any = RefusingDriver(serial_number=item.serial_number, k=k, b=0.0)
        await watched.look_at_registers(driver, None)  # type: ignore[arg-type]
        return told, json.loads(json.dumps(watched.memory()))

    entry = {**instrument("probe", enforce=False, model="yosemitech_y504_modbus", every="2s"), "address": 1, "serial_number": "YL09"}
    told, memory = await run(entry, 1.0, {})
    assert told == []
    assert (await run(entry, 1.0, memory))[0] == []
    told, _ = await run({**entry, **change}, 1.08, memory)
    assert told == (["settings_drifted"] if drifts else [])


@pytest.mark.parametrize(
    "memory", [{"staying": 1}, {"staying": {"unit": ["YL09", ""], "settings": [1]}}, {"staying": {"settings": {"calibration K": {}}}}]
)
def test_a_memory_that_does_not_read_is_left_out(memory: dict[str, Any]) -> None:
    item = Instrument.model_validate(
        {**instrument("probe", enforce=False, model="yosemitech_y504_modbus", every="2s"), "address": 1, "serial_number": "YL09"}
    )
    watched = SettingsKeeper(load_card(item.model), item, lambda *event: None, lambda: 0.0)
    watched.recall(memory)
    assert watched.memory() == {}
