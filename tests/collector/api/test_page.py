"""The page and what surrounds the interface: files and their caching, health, metrics, a port that is taken."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collector.api.app import serve
from collector.errors import CollectorError
from firmware_config.messages import StationState
from tests.collector.alarms.bench import MINUTE, T0
from tests.collector.api.conftest import get

FULL = {"outbox_share@station": 0.97, "outbox_depth@station": 12}


@pytest.fixture
def built(tmp_path):
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "assets" / "index-m1d8ImVJ.js").write_text("run()")
    (folder / "assets" / "plain.txt").write_text("plain")
    (folder / ".hidden").write_text("no")
    (tmp_path / "secret.txt").write_text("no")
    return folder


async def test_hashed_files_are_kept_for_ever_the_page_itself_is_asked_for_again(centre, built):
    async with centre(page=built) as (_, client):
        async with client.get("/") as answer:
            assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
            assert answer.content_type == "text/html"
            mark = answer.headers["ETag"]
        async with client.get("/", headers={"If-None-Match": mark}) as answer:
            assert answer.status == 304
        async with client.get("/assets/index-m1d8ImVJ.js") as answer:
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.content_type in ("text/javascript", "application/javascript")
        async with client.get("/assets/plain.txt") as answer:
            assert answer.headers["Cache-Control"] == "no-cache"


async def test_text_travels_compressed_to_whoever_takes_that(centre, built):
    text = "let x = 1;\n" * 5000
    (built / "assets" / "big-m1d8ImVJ.js").write_text(text)
    async with centre(page=built) as (_, client):
        async with client.get("/assets/big-m1d8ImVJ.js") as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert int(answer.headers["Content-Length"]) < len(text) / 10
            assert await answer.text() == text
        async with client.get("/assets/big-m1d8ImVJ.js", headers={"Accept-Encoding": "identity"}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert await answer.text() == text


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets", "/.hidden", "/nothing.js", "/a%00b", "/" + "x" * 5000]
)
async def test_nothing_outside_the_page_is_served(centre, built, path):
    async with centre(page=built) as (bench, client):
        from yarl import URL

        async with client.get(URL(bench.url + path, encoded=True)) as answer:
            assert answer.status in (400, 404)
            assert await answer.text() != "no"


async def test_without_a_built_page_it_says_what_to_do(centre, tmp_path):
    async with centre(page=tmp_path / "none") as (_, client), client.get("/") as answer:
        assert answer.status == 503
        text = await answer.text()
        assert "make page" in text
        assert "api/openapi.json" in text


async def test_the_page_is_open_but_the_data_is_not_when_a_login_is_needed(centre, built):
    async with centre(page=built, view="login") as (_, client):
        async with client.get("/") as answer:
            assert answer.status == 200
        await get(client, "/api/stations", status=401)


async def test_health_says_what_is_wrong(centre):
    async with centre() as (bench, client):
        assert await get(client, "/healthz") == {"ok": True, "wrong": [], "broker": True, "store_ok": True}
        bench.ingest["broker"] = False
        assert (await get(client, "/healthz"))["broker"] is False
        await bench.engine.stop()
        assert (await get(client, "/healthz", status=503))["wrong"] == ["alarms: not running"]


async def test_metrics_are_what_prometheus_reads(centre):
    async with centre() as (bench, client):
        bench.born()
        bench.hub.station("buoy").state = StationState(state="online")
        bench.ingest |= {"records": 1234, "same": 55}
        bench.centre.status["sink"] = lambda: {"ok": True, "name": "x", "lag_records": 5, "parked": 1}
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - 2 * MINUTE, stream="health"), bench.draft({"wind_speed@mast": 3.0}, t=T0 - 2 * MINUTE))
        await bench.told(queue)
        async with client.get("/metrics") as answer:
            text = await answer.text()
        found = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert found["haitan_records_total",] == 1234
        assert found["haitan_duplicates_total",] == 55
        assert found["haitan_sink_lag_records",] == 5
        assert found["haitan_open_alarms", "high"] == 1
        assert found["haitan_stations", "online"] == 1
        assert found["haitan_station_data_age_seconds", "buoy"] == 60
        assert found["haitan_station_outbox_records", "buoy"] == 12
        assert found["haitan_unacknowledged_alarms",] == 1


async def test_a_port_that_is_taken_is_named(centre):
    async with centre() as (bench, _):
        taken = bench.config.http.model_copy(update={"port": bench.part.port})
        with pytest.raises(CollectorError, match=str(bench.part.port)):
            await serve(bench.centre, taken)
