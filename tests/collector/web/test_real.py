"""The page on the real collector: a station's bytes go in by MQTT, an operator sees them and acknowledges, the journal has it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: dev)")
expect = sync_api.expect

from firmware_config.messages import Birth, BirthSeries, Live, StationState  # noqa: E402
from firmware_config.records import Draft, seal  # noqa: E402
from tests.collector.running import program  # noqa: E402
from tests.collector.station import station  # noqa: E402
from tests.collector.web import scene  # noqa: E402
from tests.collector.web.test_page import FLAGS  # noqa: E402
from tests.servers import Mosquitto, free_port  # noqa: E402

pytestmark = [pytest.mark.needs("chromium", "page", "mosquitto"), pytest.mark.xdist_group("page")]
NAME = "zhoushan-buoy"


def birth(now: int) -> Birth:
    file, facts = scene.station_file(NAME), scene.birth(NAME)
    series = {
        name: BirthSeries(unit=about["unit"], tests=["gross_range"], stream=about["stream"]) for name, about in facts["series"].items()
    }
    return Birth(
        station=NAME,
        t=now,
        software="0.1.0",
        config_hash="c0ffee",
        name=file["name"],
        platform=file["platform"],
        surface=file["surface"],
        latitude_deg=file["position"]["latitude_deg"],
        longitude_deg=file["position"]["longitude_deg"],
        epoch=1,
        streams={**facts["streams"], "health": scene.MINUTE},
        series=series,
        instruments=facts["instruments"],
        site=facts["site"],
        simulated=True,
    )


def draft(stream: str, t: int, dt: int, values: dict[str, float], **more: object) -> Draft:
    return Draft(stream=stream, t=t, dt=dt, clock="synchronised", values=values, flags=dict.fromkeys(values, 1), simulated=True, **more)


def midnight_at_the_station(now: int) -> int:
    """When the station's day began (UTC+8)."""
    return (now + 8 * scene.HOUR) // scene.DAY * scene.DAY - 8 * scene.HOUR


def test_from_the_wire_to_the_page_and_back_into_the_journal(tmp_path: Path, mosquitto: Mosquitto) -> None:
    port, now = free_port(), int(time.time() * 1000)
    http = {"port": port, "view": "open", "operators": "open"}
    base = f"http://127.0.0.1:{port}/"
    complaints: list[str] = []
    with (
        program(tmp_path / "centre", mosquitto.broker, http=http) as centre,
        station(mosquitto.broker, NAME) as sender,
        sync_api.sync_playwright() as playwright,
    ):
        sender.say("birth", birth(now), retain=True)
        sender.say("state", StationState(state="online", t=now, simulated=True), retain=True)
        sender.listening()
        whole = now // scene.MINUTE * scene.MINUTE
        minutes = [
            draft("minute", whole - i * scene.MINUTE, scene.MINUTE, {"water_temperature@surface": 20 + i / 10}) for i in range(30, 0, -1)
        ]
        health = {"outbox_depth@station": 7, "outbox_share@station": 0.97, "disk_free@station": 0.5}
        flux = draft("eddy", whole - 30 * scene.MINUTE, 30 * scene.MINUTE, {"co2_flux@mast": -4.25}, classes={"co2_flux@mast": 1})
        sealed = [seal(one, station=NAME, epoch=1, seq=i) for i, one in enumerate(minutes)]
        sealed += [seal(flux, station=NAME, epoch=1, seq=0), seal(draft("health", whole, 0, health), station=NAME, epoch=1, seq=0)]
        sender.send(sealed)
        sender.until_acked((0, 29))

        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(locale="en-GB")
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
        page.goto(base)
        row = page.locator(f".row[data-station={NAME}]")
        expect(row).to_contain_text("online")
        expect(row).to_contain_text("7 waiting")
        expect(row).to_contain_text("−4.25 µmol m⁻² s⁻¹")
        row.click()
        chart = page.locator(".charts figure[data-quantity=water_temperature] [data-points]")
        expect(chart).to_have_attribute("data-points", "30")
        flux_today = page.locator(".flux[data-series='co2_flux@mast']")
        expect(flux_today).to_contain_text("class 1" if flux.t >= midnight_at_the_station(now) else "No value yet today")
        expect(page.locator(".ribbon[data-stream=minute] .segment-got")).not_to_have_count(0)

        sender.say(
            "live",
            Live(t=int(time.time() * 1000), clock="synchronised", values={"salinity@surface": 27.77}, flags={"salinity@surface": 3}),
            qos=0,
        )
        expect(page.locator("tr[data-series='salinity@surface']")).to_contain_text("27.77")

        alarm = page.locator(".alarm", has_text="Station buffer filling")
        expect(alarm).to_contain_text("active, not acknowledged")
        alarm.get_by_role("button", name="Acknowledge").click()
        page.get_by_label("Your name").fill("night watch")
        page.get_by_label("Comment").fill("link is back soon")
        page.keyboard.press("Enter")
        expect(alarm).to_contain_text("night watch has it")
        with urlopen(f"{base}api/alarms?state=all") as answer:
            found = [one for one in json.load(answer)["alarms"] if one["rule"] == "outbox-filling"]
        assert [(one["acknowledged"]["who"], one["acknowledged"]["comment"]) for one in found] == [("night watch", "link is back soon")]
        browser.close()
    assert complaints == []
    assert centre.log.read_text().count("Traceback") == 0
