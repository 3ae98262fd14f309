"""The page as an operator meets it: in headless Chromium, on the built files, against the stand-in.

Every test ends with the same question: did the browser complain, and did anything leave this machine?
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: dev)")
Browser, Page, expect = sync_api.Browser, sync_api.Page, sync_api.expect

from tests.collector.web import scene  # noqa: E402
from tests.collector.web.standin import Standin  # noqa: E402

pytestmark = [pytest.mark.needs("chromium", "page"), pytest.mark.xdist_group("page")]

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
]
WIDE, PHONE = {"width": 1300, "height": 900}, {"width": 390, "height": 844}
LOST_MS = 10_000
Open = Callable[..., Page]
expect.set_options(timeout=30_000)  # a loaded machine draws late; what never comes still fails


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def standin() -> Iterator[Standin]:
    server = Standin(ping_s=0.5)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def visit(browser: Browser, standin: Standin) -> Iterator[Open]:
    """Opens the page; afterwards nothing may have been complained of (``allowed``: a pattern of what may) and nothing asked elsewhere."""
    complaints: list[str] = []
    elsewhere: list[str] = []
    contexts = []
    allow: list[str] = []

    def open_page(where: str = "", *, locale: str = "en-GB", scheme: str = "light", size: dict[str, int] = WIDE, allowed: str = "") -> Page:
        context = browser.new_context(locale=locale, color_scheme=scheme, viewport=size, timezone_id="America/Lima")
        contexts.append(context)
        allow.append(allowed)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
        page.on(
            "request",
            lambda request: elsewhere.append(request.url) if not request.url.startswith(f"http://127.0.0.1:{standin.port}/") else None,
        )
        page.goto(f"http://127.0.0.1:{standin.port}/{where}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    pattern = "|".join(filter(None, allow))
    assert [text for text in complaints if not (pattern and re.search(pattern, text))] == []
    assert elsewhere == []


def picture(page: Page, folder: Path, name: str) -> None:
    path = folder / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 10_000


def coloured_pixels(page: Page, chart: str, variable: str) -> int:
    """How many pixels of a chart's canvas have the colour of a CSS variable."""
    return page.evaluate(
        """([chart, variable]) => {
            const probe = document.createElement("span");
            probe.style.color = getComputedStyle(document.documentElement).getPropertyValue(variable);
            document.body.append(probe);
            const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
            probe.remove();
            const canvas = document.querySelector(`${chart} canvas`);
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, 0, 0);
            const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
            let found = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (data[i + 3] > 200 && wanted.every((part, k) => Math.abs(data[i + k] - part) < 12)) found += 1;
            }
            return found;
        }""",
        [chart, variable],
    )


def test_overview_shows_every_station_worst_first(visit: Open, tmp_path: Path) -> None:
    page = visit()
    rows = page.locator(".station-list a.row[data-station]")
    expect(rows).to_have_count(3)
    assert [row.get_attribute("data-station") for row in rows.all()] == ["hangzhou-mudflat", "zhoushan-buoy", "yueqing-mangrove"]
    expect(rows.nth(0)).to_contain_text("offline")
    expect(rows.nth(0)).to_contain_text("Station offline · 47 min")
    expect(rows.nth(0)).to_contain_text("412 waiting")
    expect(rows.nth(1)).to_contain_text(re.compile(r"CO₂ flux.*µmol m⁻² s⁻¹"))
    expect(page.locator(".leaflet-marker-icon")).to_have_count(3)
    expect(page.locator("path.map-shore").first).to_be_attached()
    expect(page.locator(".marker .shape.severity-high")).to_have_count(1)
    expect(page.locator(".marker .ring-silent")).to_have_count(1)
    expect(page.locator(".badge.simulated").first).to_be_visible()
    picture(page, tmp_path, "overview")
    page.locator(".marker").nth(1).click()
    expect(page.locator(".station h1")).to_be_visible()


def test_an_alarm_that_is_over_is_said_to_be_over_in_the_overview(visit: Open, standin: Standin) -> None:
    page = visit()
    row = page.locator("a.row[data-station='yueqing-mangrove']")
    expect(row).to_contain_text("no open alarms")
    names = {"en": "Station offline", "zh": "站点离线"}
    about = {"station": "yueqing-mangrove", "severity": "high", "title": names, "message": names, "guidance": names}
    standin.raise_alarm(id=98, key="offline/yueqing-mangrove", condition="returned", returned_ms=standin.now(), **about)
    expect(row).to_contain_text(re.compile(r"Station offline · .* · back to normal"))


def test_station_time_stands_beside_utc_wherever_the_browser_is(visit: Open) -> None:
    page = visit()
    clocks = page.locator(".clocks time.figures")
    expect(clocks).to_have_count(2)
    both = page.evaluate("Array.from(document.querySelectorAll('.clocks time'), (t) => t.textContent.slice(-8, -6)).map(Number)")
    assert (both[0] - both[1]) % 24 == 8


def test_station_page_draws_values_flags_and_holes(visit: Open, tmp_path: Path) -> None:
    page = visit("#/station/zhoushan-buoy")
    water = ".charts figure[data-quantity=water_temperature]"
    expect(page.locator(f"{water} [data-points]")).not_to_have_attribute("data-points", "0")
    page.wait_for_function("() => !document.querySelector('.chart-empty')")  # an expression would be evaluated: the page forbids it
    assert coloured_pixels(page, water, "--track-1") > 200
    assert coloured_pixels(page, water, "--track-2") > 50
    assert coloured_pixels(page, water, "--fail") > 10, "failed values are marked, not dropped"
    flux = ".flux[data-series='latent_heat_flux@mast']"
    expect(page.locator(flux)).to_contain_text("class")
    assert coloured_pixels(page, flux, "--class-0") > 50
    expect(page.locator(".strip")).to_contain_text("synchronised")
    expect(page.locator(".lamp-bad").first).to_be_visible()
    lost = page.locator(".ribbon[data-stream=minute] .segment-lost")
    expect(lost.locator("title")).to_contain_text("no room: the outbox was full")
    expect(page.locator("tr[data-series='dissolved_oxygen@bottom']")).to_contain_text("mg L⁻¹")
    expect(page.locator(".site-map path.site")).to_have_count(1)
    expect(page.get_by_role("cell", name="WM-214507")).to_be_visible()
    picture(page, tmp_path, "station")


def test_a_calibration_that_changes_values_is_said_beside_the_instrument(visit: Open, tmp_path: Path) -> None:
    page = visit("#/station/hangzhou-mudflat")
    row = page.locator("section[aria-labelledby=instruments-title] tbody tr").last
    expect(row).to_contain_text("2026-09-14")
    expect(row).to_contain_text("corrected: Water pressure × 1.0021 \u2212 0.013 bar")
    picture(page, tmp_path, "calibrated")
    page = visit("#/station/hangzhou-mudflat", locale="zh-CN")
    expect(page.locator("section[aria-labelledby=instruments-title] tbody tr").last).to_contain_text("修正：")


def test_live_values_are_added_to_the_chart(visit: Open, standin: Standin) -> None:
    page = visit("#/station/yueqing-mangrove")
    page.get_by_role("group", name="Period").first.get_by_role("button", name="1 h").click()
    chart = page.locator(".charts figure[data-quantity=air_temperature] [data-points]")
    expect(chart).to_have_attribute("data-points", re.compile(r"^[4-7]\d$"))  # an hour of minutes; the day before it had 1,440
    before = int(chart.get_attribute("data-points") or 0)
    value = {
        "station": "yueqing-mangrove",
        "t": standin.now() + 60_000,
        "values": {"air_temperature@tower": 33.21},
        "flags": {"air_temperature@tower": 3},
        "ages_s": {},
    }
    standin.say("live", value)
    row = page.locator("tr[data-series='air_temperature@tower']")
    expect(row).to_contain_text("33.21 °C")
    expect(row).to_contain_text("suspect")
    page.wait_for_function(
        "(n) => Number(document.querySelector('.charts figure[data-quantity=air_temperature] [data-points]').dataset.points) > n",
        arg=before,
    )


def test_acknowledging_an_alarm_with_the_keyboard(visit: Open, standin: Standin, tmp_path: Path) -> None:
    page = visit("#/alarms")
    rows = page.locator(".alarm-page .card:first-child .alarm")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("active, not acknowledged")
    rows.nth(0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    page.get_by_label("Your name").fill("night watch")
    page.get_by_label("Comment").fill("boat goes out at six")
    page.keyboard.press("Enter")
    mine = page.locator(".alarm[data-alarm='40']")
    expect(mine).to_contain_text("active, acknowledged")
    expect(mine).to_contain_text("night watch has it")
    expect(mine).to_contain_text("boat goes out at six")
    assert standin.received == [{"id": "40", "comment": "boat goes out at six", "who": "night watch"}]
    expect(page.locator(".head .count")).to_have_text("2")
    picture(page, tmp_path, "alarms")


def test_an_alarm_arrives_by_itself_and_filters_find_it(visit: Open, standin: Standin) -> None:
    page = visit("#/alarms")
    expect(page.locator(".head .count")).to_have_text("3")
    names = {"en": "Pump stopped", "zh": "泵停止"}
    standin.raise_alarm(id=99, key="k", station="", severity="high", title=names, message=names, guidance=names)
    expect(page.locator(".head .count")).to_have_text("4")
    page.keyboard.press("/")
    page.keyboard.type("pump")
    expect(page.locator(".alarm-page .card:first-child .alarm")).to_have_count(1)
    page.get_by_label("Search").fill("")
    page.get_by_label("Severity").select_option("low")
    expect(page.locator(".alarm-page .card:first-child .alarm")).to_have_count(1)
    expect(page.locator(".journal .alarm")).to_contain_text("Humidity sensor suspect")


def test_login_is_asked_for_before_acting(visit: Open, standin: Standin) -> None:
    standin.login_required = True
    page = visit("#/alarms", allowed="401")
    page.get_by_role("button", name="Acknowledge").first.click()
    page.get_by_label("User name").fill("duty")
    page.get_by_label("Password").fill("ebb")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("name or password is wrong")
    page.get_by_label("Password").fill("tide")
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_contain_text("duty")
    page.get_by_role("button", name="Acknowledge").first.click()
    page.get_by_label("Comment").fill("seen")
    page.keyboard.press("Enter")
    expect(page.locator(".alarm[data-alarm='41']")).to_contain_text("duty has it")
    assert standin.received == [{"id": "41", "comment": "seen"}]


def test_a_centre_that_shows_nothing_before_login(visit: Open, standin: Standin) -> None:
    standin.view_locked = standin.login_required = True
    page = visit(allowed="401")
    page.locator("main").get_by_role("button", name="Log in").click()
    page.get_by_label("User name").fill("duty")
    page.get_by_label("Password").fill("tide")
    page.keyboard.press("Enter")
    expect(page.locator(".station-list a.row[data-station]")).to_have_count(3)
    expect(page.locator(".banner")).to_have_count(0)


@pytest.mark.parametrize("how", ["silent", "down"])
def test_a_lost_server_is_said_in_red_and_found_again(visit: Open, standin: Standin, tmp_path: Path, how: str) -> None:
    page = visit(allowed="503|ERR_|EventSource")
    expect(page.locator(".page.open")).to_be_attached()
    page.clock.install()
    standin.fall(how)
    page.evaluate("fetch('licences.txt').catch(() => null)")  # whatever was on its way has arrived after this
    page.clock.fast_forward(LOST_MS + 2_000)
    banner = page.locator(".banner.lost")
    expect(banner).to_contain_text("Connection to the server lost since")
    expect(banner).to_have_css("background-color", "rgb(179, 18, 31)")
    expect(page.locator(".data-age")).to_have_text("NO CONNECTION")
    assert float(page.evaluate("getComputedStyle(document.querySelector('main')).opacity")) < 0.6, "old values are dimmed"
    expect(page.locator(".row .state-word").first).to_contain_text("last known:")
    assert "NO CONNECTION" in page.title()
    picture(page, tmp_path, f"lost_{how}")
    setattr(standin, how, False)
    page.clock.fast_forward(LOST_MS + 2_000)
    expect(banner).to_have_count(0)
    expect(page.locator(".page.open")).to_be_attached()


@pytest.mark.parametrize(
    ("locale", "hidden", "count"),
    [
        ("en-GB", "silent because of it: Water temperature (surface), Practical salinity (surface)", "1 station · 1 needs attention"),
        ("zh-CN", "因此无数据：水温 (表层)、实用盐度 (表层)", "1 个站点 · 1 个需要处理"),
    ],
)
def test_what_an_alarm_hides_and_how_many_there_are_is_said_in_words(
    visit: Open, monkeypatch: pytest.MonkeyPatch, locale: str, hidden: str, count: str
) -> None:
    """Also where the page knows nothing else of the station, and of a single station."""
    page = visit("#/alarms", locale=locale)
    expect(page.get_by_text(hidden)).to_be_visible()
    expect(page.get_by_text("@")).to_have_count(0)
    page.close()
    monkeypatch.setattr(scene, "PLACES", {"hangzhou-mudflat": scene.PLACES["hangzhou-mudflat"]})
    page = visit("", locale=locale)
    expect(page.locator("#station-list-title")).to_contain_text(count)


def test_both_languages_are_whole_and_the_choice_is_remembered(visit: Open, tmp_path: Path) -> None:
    page = visit("#/station/yueqing-mangrove", locale="zh-CN", scheme="dark")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("heading", name="乐清湾红树林通量塔")).to_be_visible()
    expect(page.get_by_role("heading", name="今日通量")).to_be_visible()
    page.wait_for_function("() => document.querySelectorAll('.charts figure').length > 3")
    left = page.evaluate("document.querySelector('main').innerText.match(/\\{\\w+\\}|undefined|\\bnull\\b|\\bNaN\\b/g)")
    assert left is None
    picture(page, tmp_path, "station_zh_dark")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Today's fluxes")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.reload()
    expect(page.get_by_role("heading", name="Today's fluxes")).to_be_visible()


def test_on_a_phone_nothing_sticks_out(visit: Open, tmp_path: Path) -> None:
    page = visit(size=PHONE, locale="zh-CN")
    for where, part in (("#/", ".station-list a.row"), ("#/alarms", ".alarm"), ("#/station/zhoushan-buoy", ".charts figure canvas")):
        page.evaluate("(where) => { location.hash = where }", where)
        page.wait_for_selector(part)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        picture(page, tmp_path, f"phone_{part.strip('.').split()[0]}")


def test_hostile_text_stays_text(visit: Open, standin: Standin) -> None:
    evil = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>'
    both = {"en": evil, "zh": evil}
    standin.overrides["zhoushan-buoy"] = {"name": both, "software": evil}
    standin.raise_alarm(
        id=77,
        key="k",
        station="zhoushan-buoy",
        series=f"{evil}@{evil}",
        severity="high",
        title=both,
        message=both,
        guidance=both,
        unit=evil,
        value=evil,
    )
    page = visit("#/alarms")
    expect(page.locator(".alarm[data-alarm='77'] .alarm-title strong")).to_have_text(evil)
    page.goto(page.url.split("#")[0] + "#/")
    expect(page.locator(".marker-name", has_text="<img").first).to_be_attached()
    page.goto(page.url.split("#")[0] + "#/station/zhoushan-buoy")
    expect(page.locator(".station h1")).to_have_text(evil)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


def test_a_station_on_a_faster_clock_has_ages_of_its_own_world(browser: Browser) -> None:
    server = Standin(ping_s=0.5, speed=60)
    context = browser.new_context(locale="en-GB")
    try:
        page = context.new_page()
        page.goto(server.start())
        expect(page.locator(".head")).to_contain_text(re.compile(r"bench time ×(5[5-9]|6[0-5])"), timeout=10_000)
        expect(page.locator(".row[data-station=yueqing-mangrove]")).to_contain_text("(fresh)")
    finally:
        context.close()
        server.stop()


def test_just_after_midnight_today_has_no_flux_yet(browser: Browser) -> None:
    server = Standin(ping_s=0.5, began_ms=scene.BEGAN // scene.DAY * scene.DAY + 16 * scene.HOUR + 10 * scene.MINUTE)  # 00:10 there
    context = browser.new_context(locale="zh-CN")
    try:
        page = context.new_page()
        page.goto(f"{server.start()}#/station/zhoushan-buoy")
        expect(page.locator(".flux[data-series='latent_heat_flux@mast']")).to_contain_text("今日尚无数值")
        expect(page.locator(".charts figure[data-quantity=water_temperature] [data-points]")).not_to_have_attribute("data-points", "0")
    finally:
        context.close()
        server.stop()
