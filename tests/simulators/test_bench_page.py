"""The bench page: what it writes into a timeline, what it refuses, and a fault switched on whose alarm arrives and goes again."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import yaml

from firmware_config.base.clock import SystemClock
from firmware_config.check import load_station
from simulators.bench_page import BenchPage
from simulators.bench_page.panel import Panel, catalogue
from simulators.faults.catalogue import FAULTS
from simulators.faults.timeline import Timeline, write_timeline
from simulators.serve.station import Plan, StationBench
from simulators.servers import free_port
from simulators.stage import Stage, example_station
from simulators.world import load_world
from tests.simulators.test_more_instruments import BENCH

NOW = 1_790_000_000_000
ABLE = {"oxygen": {"link": "water", "faults": ["silence", "exception"], "fields": ["temperature"]}}


class Carried:
    """What a stage has of a station's faults, without its processes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "faults.yaml"
        self.file.write_text("faults:\n  - {after: 1h, instrument: oxygen, fault: exception}\n")
        self.truth_file = folder / "truth.jsonl"
        self.targets = {"instruments": ABLE, "links": ["water"]}
        self.timeline = Timeline(self.file, {"oxygen": ["silence", "exception"]}, {"oxygen": "water"}, NOW)
        self.clock = SimpleNamespace(true_ms=lambda: NOW, speed=1.0)

    def rows(self) -> list[dict[str, Any]]:
        return yaml.safe_load(self.file.read_text())["faults"]


@pytest.fixture
def carried(tmp_path: Path) -> Carried:
    return Carried(tmp_path)


@pytest.fixture
async def page(carried: Carried, tmp_path: Path) -> AsyncIterator[BenchPage]:
    station = {"id": "st", "name": {"en": "Station", "zh": "站"}, "instruments": [{"id": "oxygen", "model": "yosemitech_y504_modbus"}]}
    file = tmp_path / "station.yaml"
    file.write_text(yaml.safe_dump(station))
    place = SimpleNamespace(id="st", file=file, faults=carried)
    served = BenchPage(SimpleNamespace(places={"st": place}, url=f"http://127.0.0.1:{free_port()}"))  # type: ignore[arg-type]
    await served.start()
    yield served
    await served.stop()


async def send(page: BenchPage, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{page.url}/{path}", data=json.dumps(body), headers={"Content-Type": "application/json", **headers}) as answer,
    ):
        text = await answer.text()
        return answer.status, json.loads(text) if answer.content_type == "application/json" else text


def test_every_fault_is_told_in_both_languages():
    for name, about in catalogue().items():
        assert re.search(r"[\u4e00-\u9fff]", about["what"]["zh"]), name
        assert about["unit"]["zh"] != about["unit"]["en"] or re.fullmatch(r"[-a-zA-Z%]{1,4}", about["unit"]["en"]), about["unit"]
    assert set(catalogue()) == set(FAULTS)


def test_the_page_offers_every_fault_of_the_catalogue_but_the_full_disk(tmp_path: Path, carried: Carried) -> None:
    """The bench's own station has every model: what its instruments can show, its links and the station make up the whole catalogue."""
    station = load_station(BENCH / "station.yaml").station
    able = StationBench(station, Plan(ports=tmp_path, world=load_world(None)), SystemClock()).targets()
    carried.targets = able
    state = Panel(SimpleNamespace(id=station.id, file=BENCH / "station.yaml", faults=carried)).state()  # type: ignore[arg-type]
    offered = {*state["station_faults"], *state["link_faults"], *(name for one in state["instruments"] for name in one["faults"])}
    assert offered == set(FAULTS) - {"full_disk"}


async def test_on_and_off_leave_the_other_entries_as_they_were(page: BenchPage, carried: Carried) -> None:
    before = carried.timeline.faults[0]
    status, state = await send(page, "on", {"station": "st", "instrument": "oxygen", "fault": "silence", "minutes": 5})
    assert status == 200
    assert [(f["fault"], f["state"], f["end_ms"]) for f in state["faults"]] == [
        ("exception", "planned", None),
        ("silence", "on", NOW + 300_000),
    ]
    assert carried.timeline.faults[0] == before
    status, state = await send(page, "off", {"station": "st", **state["faults"][0]})
    assert status == 200
    assert [row["fault"] for row in carried.rows()] == ["silence"]
    (left,) = carried.timeline.faults
    assert (left.begin_ms, left.end_ms, left.number) == (NOW, NOW + 300_000, 0)


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"instrument": "oxygen", "fault": "rain"}, "cannot show rain"),
        ({"instrument": "sonic", "fault": "silence"}, "cannot show silence"),
        ({"link": "air", "fault": "unplugged"}, "no link air"),
        ({"fault": "silence"}, "name the instrument"),
        ({"fault": "nonsense"}, "not known"),
        ({"fault": "full_disk"}, "small file system"),
        ({"instrument": "oxygen", "fault": "silence", "minutes": -1}, "minutes"),
        ({"instrument": "oxygen", "fault": "silence", "magnitude": "much"}, "magnitude"),
    ],
)
async def test_what_does_not_fit_is_refused_in_words_and_nothing_is_written(page: BenchPage, carried: Carried, wish, why) -> None:
    before = carried.file.read_bytes()
    status, answer = await send(page, "on", {"station": "st", **wish})
    assert (status, why in answer["error"]) == (400, True), answer
    assert carried.file.read_bytes() == before


async def test_off_does_not_take_out_another_fault(page: BenchPage, carried: Carried) -> None:
    shown = {"station": "st", "row": 0, "fault": "exception", "begin_ms": carried.timeline.faults[0].begin_ms, "instrument": "oxygen"}
    others = ({"fault": "silence"}, {"begin_ms": NOW}, {"instrument": "depth"}, {"link": "water"}, {"row": 1}, {"row": False})
    for other in others:
        assert (await send(page, "off", {**shown, **other}))[0] == 400, other
    assert [row["fault"] for row in carried.rows()] == ["exception"]


@pytest.mark.parametrize(
    ("text", "todo"),
    [
        ("faults: [{fault: nonsense}, {fault: no_network}]\n", "correct it first"),
        ("faults: [{fault: nonsense}]\n", "correct it first"),
        ("faults: [\n", "correct it first"),
        ("fault: []\n", "correct it first"),
        ("", "faults: []"),
        ("# nothing\n", "faults: []"),
        ("{}\n", "faults: []"),
    ],
)
async def test_a_file_edited_into_nonsense_is_not_written_over(page: BenchPage, carried: Carried, text: str, todo: str) -> None:
    carried.file.write_text(text)
    status, answer = await send(page, "on", {"station": "st", "instrument": "oxygen", "fault": "silence"})
    assert status == 409
    assert "edited by hand" in answer["error"]
    assert todo in answer["error"]
    assert carried.file.read_text() == text


async def test_what_the_timeline_refuses_is_told_and_the_file_is_as_before(page: BenchPage, carried: Carried, monkeypatch) -> None:
    before = carried.file.read_text()
    monkeypatch.setattr("simulators.faults.timeline.MAX_FILE_BYTES", len(before) + 10)
    status, answer = await send(page, "on", {"station": "st", "instrument": "oxygen", "fault": "silence"})
    assert (status, "faults.yaml" in answer["error"]) == (400, True)
    assert carried.file.read_text() == before
    assert [fault.name for fault in carried.timeline.faults] == ["exception"]


async def test_a_station_takes_a_hundred_faults_and_says_so(page: BenchPage, carried: Carried) -> None:
    write_timeline(carried.file, [{"fault": "no_network", "after": f"{hours}h"} for hours in range(1, 100)])
    wish = {"station": "st", "instrument": "oxygen", "fault": "silence"}
    assert (await send(page, "on", wish))[0] == 200
    status, answer = await send(page, "on", wish)
    assert (status, "at most 100" in answer["error"]) == (400, True)
    assert len(carried.rows()) == 100


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"[" * 4000, {}),
        (b'{"station": ' + b"[" * 900 + b"]" * 900 + b"}", {}),
        (b'{"station": "st", "instrument": "oxygen", "fault": "exception", "magnitude": ' + b"9" * 3900 + b"}", {}),
        (b"{}", {"Content-Type": "application/json; charset=bogus"}),
        (b"{}", {"Host": "["}),
        (b"{}", {"Origin": "http://["}),
    ],
)
async def test_what_no_page_sends_is_refused(page: BenchPage, carried: Carried, body: bytes, headers: dict[str, str]) -> None:
    before = carried.file.read_bytes()
    headers = {"Content-Type": "application/json", **headers}
    async with aiohttp.ClientSession() as session, session.post(f"{page.url}/on", data=body, headers=headers) as answer:
        assert answer.status == 400, await answer.text()
    assert carried.file.read_bytes() == before


async def test_the_catalogue_tells_the_bounds_of_each_magnitude(page: BenchPage) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{page.url}/catalogue.json") as answer:
        about = (await answer.json())["exception"]
    assert (about["least"], about["most"]) == (1, 255)


async def test_only_this_machine_and_this_page_may_switch(page: BenchPage, carried: Carried) -> None:
    wish = {"station": "st", "instrument": "oxygen", "fault": "silence"}
    assert (await send(page, "on", wish, Origin="http://elsewhere.example"))[0] == 403
    assert (await send(page, "on", wish, Host="elsewhere.example"))[0] == 403
    assert (await send(page, "on", wish, **{"Content-Type": "text/plain"}))[0] == 403
    assert [row["fault"] for row in carried.rows()] == ["exception"]


async def test_what_could_not_be_carried_out_is_told(page: BenchPage, carried: Carried) -> None:
    await send(page, "on", {"station": "st", "fault": "little_memory"})
    carried.truth_file.write_text(
        json.dumps({"t": NOW, "what": "fault", "state": "refused", "fault": "little_memory", "reason": "no limit here"}) + "\n"
    )
    async with aiohttp.ClientSession() as session, session.get(f"{page.url}/bench.json") as answer:
        faults = (await answer.json())["stations"][0]["faults"]
    assert [fault["refused"] for fault in faults] == ["", "no limit here"]


async def test_without_the_centre_the_page_says_so(page: BenchPage) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{page.url}/centre/alarms") as answer:
            assert answer.status == 502
        async with session.get(f"{page.url}/") as answer:
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.needs("chromium")
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("page")
async def test_silence_switched_on_brings_the_alarm_and_switched_off_clears_it(tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: dev)")
    from tests.collector.web.test_page import FLAGS

    stage = Stage(tmp_path / "stage", [slow_station(tmp_path)], speed=60.0)
    complaints: list[str] = []
    try:
        await stage.start()
        bench = BenchPage(stage)
        await bench.start()
        async with api.async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            page = await chromium.new_page(locale="en-GB")
            page.set_default_timeout(90_000)
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(bench.url)
            row = page.locator(".row[data-target=oxygen]")
            await row.locator(".flag-1").first.wait_for()
            await row.locator("select[name=fault]").select_option("silence")
            await row.get_by_role("button", name="Switch on").click()
            await row.locator("[data-fault=silence]").wait_for()
            await row.locator(".alarm.active[data-rule=no-data-instrument]").wait_for()
            await page.reload()
            await row.locator("[data-fault=silence]").wait_for()
            await page.get_by_role("button", name="中文").click()
            await row.get_by_role("button", name="关闭").click()
            await row.locator("[data-fault=silence]").wait_for(state="detached")
            await row.locator(".alarm.active").wait_for(state="detached")
            await row.locator(".flag-1").first.wait_for()
            await chromium.close()
        await bench.stop()
    finally:
        await stage.stop()
    assert complaints == []
    truth = [json.loads(line) for line in stage.places["zhoushan-buoy"].faults.truth_file.read_text().splitlines()]
    assert [(one["fault"], one["state"]) for one in truth if one["what"] == "fault"] == [("silence", "begun"), ("silence", "ended")]


def slow_station(folder: Path) -> Path:
    """The buoy without its high-rate instruments: light enough for any machine."""
    document = yaml.safe_load(example_station("zhoushan-buoy").read_text(encoding="utf-8"))
    document["instruments"] = [one for one in document["instruments"] if "rate" not in one]
    document["products"] = [one for one in document["products"] if one["kind"] != "eddy"]
    links = {one["link"] for one in document["instruments"]}
    document["links"] = [one for one in document["links"] if one["id"] in links]
    (folder / "site.geojson").write_bytes(example_station("zhoushan-buoy").with_name("site.geojson").read_bytes())
    path = folder / "station.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path
