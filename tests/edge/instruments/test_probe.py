"""Probing a small station on pseudo-terminals: every verdict an engineer can get, from real bytes."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from edge.instruments.probe import Finding, Prober, propose
from edge.instruments.probe.finding import judge_printing
from edge.instruments.probe.report import as_data, block, summary
from firmware_config.cards import load_card
from firmware_config.station import Station
from tests.edge.instruments.bench import Bench, of_the_bench
from tests.edge.instruments.test_meaning import gill
from tests.edge.instruments.test_modbus_driver import Y504, keller
from tests.edge.links.peers import Pty, Rs485, holding

SERIAL = ("right", "slow", "rain", "garbage", "other", "mute", "absent")


def station() -> Station:
    links = [{"id": name, "kind": "serial", "port": f"/dev/{name}", "baud": 38_400} for name in SERIAL]
    instruments = [
        {
            "id": name,
            "model": "gill_windmaster_ascii",
            "place": name,
            "serial_number": "1",
            "link": name,
            "rate": "20 Hz",
            "mounting": {"height_m": 1},
        }
        for name in SERIAL
    ]
    links.append({"id": "water", "kind": "modbus_rtu", "port": "/dev/water", "baud": 115_200})
    for number, (name, model) in enumerate(
        [
            ("oxygen", "yosemitech_y504_modbus"),
            ("level", "keller_series30_modbus"),
            ("swapped", "keller_series30_modbus"),
            ("dead", "keller_series30_modbus"),
        ],
        1,
    ):
        instruments.append(
            {
                "id": name,
                "model": model,
                "place": name,
                "serial_number": {"oxygen": "YL0904220701", "level": "12345"}.get(name, "77"),
                "link": "water",
                "address": number,
                "every": "1s",
                "mounting": {"height_m": 0},
            }
        )
    return Station.model_validate(
        {
            "schema": 1,
            "id": "bench",
            "name": {"en": "Bench", "zh": "测试台"},
            "platform": "fixed",
            "surface": "mudflat",
            "position": {"latitude_deg": 30, "longitude_deg": 121},
            "datum": {"datum_1985_m": 0, "chart_datum_m": 0},
            "contact": {"operator": "bench"},
            "links": links,
            "instruments": instruments,
            "uplink": {"host": "nowhere"},
        }
    )


async def printing(pty: Pty, record: bytes, every_s: float) -> None:
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        pty.send(record)
        due_s += every_s
        await asyncio.sleep(due_s - loop.time())


@pytest_asyncio.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Path]:
    ptys = {name: Pty(tmp_path / name) for name in SERIAL if name != "absent"}
    wind = "Q,+001.23,-000.45,+000.12,M,+343.21,+020.85,{},"
    ptys["right"].send(20 * gill(wind.format("00")))  # what waited in the port is no sign of the rate
    tasks = [
        asyncio.create_task(printing(ptys["right"], gill(wind.format("00")), 0.05)),
        asyncio.create_task(printing(ptys["slow"], gill(wind.format("00")), 0.1)),
        asyncio.create_task(printing(ptys["rain"], gill(wind.format("07")), 0.05)),
        asyncio.create_task(printing(ptys["garbage"], bytes(range(128, 256)), 0.05)),
        asyncio.create_task(printing(ptys["other"], b"$GPGGA,,,,,,0,00,99.99,,M,,M,,*48\r\n", 0.05)),
    ]
    line = Rs485(Pty(tmp_path / "water"))
    line.answers |= {1: Y504(1), 2: keller(2, 0.4, 14.0), 3: keller(3, 0.4, 14.0)}
    yield tmp_path
    for task in tasks:
        task.cancel()
    await line.stop()
    for pty in [*ptys.values(), line.pty]:
        pty.unplug()


async def probe(ports: Path, monkeypatch: pytest.MonkeyPatch, **more) -> dict[str, Finding]:
    monkeypatch.setattr("edge.instruments.probe.PATIENCE_S", 1.0)
    found = await Prober(station(), ports, listen_s=2.0, **more).run()
    return {finding.instrument.id: finding for finding in found}


async def test_every_instrument_gets_a_plain_verdict(ports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await probe(ports, monkeypatch)
    assert list(found) == [instrument.id for instrument in station().instruments]
    assert found["right"].verdict == "in order"
    assert {name for name, finding in found.items() if finding.good} == {"right", "oxygen", "level"}
    assert "Hz; the station file says 20 Hz: set it in the instrument" in found["slow"].verdict
    assert "status 07: too few samples on all paths" in found["rain"].verdict
    assert "speed or format" in found["garbage"].verdict
    assert "nothing it says is a record" in found["other"].verdict
    assert found["mute"].verdict.startswith("silent")
    assert found["absent"].verdict.startswith("cannot be opened")
    assert found["swapped"].verdict.startswith("its serial number is 12345; the station file says 77: another unit was put in")
    assert found["dead"].verdict.startswith("no answer")
    level = found["level"]
    assert len(level.times_s) == 15
    assert level.times_s == sorted(level.times_s)
    assert level.proposal
    assert level.values["water_pressure"] == pytest.approx(0.4)
    assert found["oxygen"].identity == {"serial_number": "YL0904220701"}


async def test_a_device_on_another_unit_number_is_found_when_asked_to_search(
    ports: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = Rs485(Pty(tmp_path / "water2"))
    line.answers[9] = holding(9, lambda _: 0)
    wanted = station()
    wanted = wanted.model_copy(
        update={
            "links": [wanted.link("water").model_copy(update={"id": "water2"})],
            "instruments": [wanted.instrument("level").model_copy(update={"link": "water2"})],
        }
    )
    monkeypatch.setattr("edge.instruments.probe.PATIENCE_S", 1.0)
    (found,) = await Prober(wanted, tmp_path, search=True).run()
    assert found.verdict == "no answer as unit 2, but something answers as unit 9"
    await line.stop()
    line.pty.unplug()


async def test_what_was_found_can_be_read_in_eighty_columns(ports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list((await probe(ports, monkeypatch)).values())
    lines = [line for finding in found for line in block(finding, 80)] + summary(found, 80)
    assert max(map(len, lines)) <= 80
    for finding in found:
        assert f"{'✓' if finding.good else '✗'} {finding.instrument.id}: {finding.card.title.en}" in lines
        assert finding.good or any(line.startswith(f"✗ {finding.instrument.id}: {finding.verdict[:20]}") for line in summary(found, 80))
    text = " ".join(" ".join(lines).split())
    assert "proposed: options: {answer:" in text
    assert "to be confirmed on the unit: - a zero that somebody sets" in text
    assert "water_pressure 0.4 bar" in text
    assert "3 of 11 instruments are in order; to do:" in text
    (level,) = [as_data(finding) for finding in found if finding.instrument.id == "level"]
    assert json.loads(json.dumps(level))["identity"]["serial_number"] == 12345


async def test_settings_that_differ_and_instruments_that_measure_seldom_are_told_as_such(tmp_path: Path) -> None:
    station = of_the_bench("csat", "sbe63", "sami", "rdo", "charger", sami={"every": "1h"}, sbe63={"options": {"format": 2}})
    factory = {"csat": {"unprompted": False}, "sbe63": {"format": 3}, "rdo": {"oxygen_unit": 118}, "charger": {"serial_number": "4711"}}
    bench = Bench(tmp_path, station, factory, 1.0)
    await bench.power_on()
    found = {finding.instrument.id: finding for finding in await Prober(bench.station, bench.ports, listen_s=4.5).run()}
    await bench.power_off()
    assert "output is prompted and should be unprompted: set it in the instrument, or allow it" in found["csat"].verdict
    assert found["csat"].identity["serial number"] == "1005"
    assert "oxygen unit is ug/L and should be mg/L" in found["rdo"].verdict
    assert found["charger"].verdict.startswith("its serial number is 4711; the station file says 1020: another unit was put in")
    assert found["sami"].verdict.startswith("answers; no measurement in")
    assert found["sami"].good
    assert "format is 3 and should be 2" in found["sbe63"].verdict


@pytest.mark.parametrize(
    ("rejected", "says"),
    [({}, "no record begins in them: speed or format"), ({"status 7: too few samples on all paths": 20}, "no record is valid: status 7")],
)
def test_a_binary_instrument_in_rain_is_told_from_one_at_another_speed(rejected: dict[str, int], says: str) -> None:
    card = load_card("gill_windmaster_binary_m10")
    finding = Finding(station().instrument("right"), card, "38400 Bd 8N1", rejected=Counter(rejected))
    judge_printing(finding, bytes(range(256)), 1.0, polled=False)
    assert says in finding.verdict


def test_limits_are_proposed_from_the_slowest_answer_and_never_from_a_few() -> None:
    assert propose([0.08, 0.085, 0.09, 0.1, 0.12]) == {"answer": "180ms", "answer_longest": "500ms"}
    assert propose([0.001] * 9) == {"answer": "50ms", "answer_longest": "500ms"}
    assert propose([0.5] * 9) == {"answer": "750ms", "answer_longest": "1500ms"}
    assert propose([0.1] * 4) == {}
