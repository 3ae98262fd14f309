"""Server-sent events over real HTTP: what is told, to whom, and what a page that is gone or stuck costs."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager

from collector.api import live as live_module
from collector.api import models
from collector.api.live import MAX_FRAMES, Client
from collector.api.users import Users
from collector.hub import Notice
from firmware_config.messages import StationState
from tests.collector.alarms.bench import ALL, MINUTE, T0, live
from tests.collector.api.conftest import get

FULL = {"outbox_share@station": 0.97}


class Page:
    """Reads events as a browser does."""

    def __init__(self, answer):
        self.answer = answer

    async def event(self, name):
        """The data of the next event of that name."""
        kind = ""
        while True:
            line = (await asyncio.wait_for(self.answer.content.readline(), 20)).decode()
            assert line, "the stream ended"
            if line.startswith("event: "):
                kind = line[7:].strip()
            if line.startswith("data: ") and kind == name:
                return json.loads(line[6:])


@asynccontextmanager
async def opened(client):
    async with client.get("/api/live") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        page = Page(answer)
        await page.event("ping")
        yield page


async def until(condition):
    """Wait for what another task is about to do."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_what_is_told_of_a_stranger_makes_no_station_of_it(centre):
    async with centre() as (bench, client), opened(client) as page:
        bench.hub.publish(Notice("centre", "stranger", {"kind": "parked", "reason": "unknown_station", "count": 1}))
        bench.born()
        await page.event("station")
        assert [one["id"] for one in (await get(client, "/api/stations"))["stations"]] == ["buoy"]


async def test_a_page_hears_of_everything_that_happens(centre):
    async with centre() as (bench, client), opened(client) as page:
        models.Centre.model_validate(await page.event("centre"))
        bench.born()
        models.Summary.model_validate(await page.event("station"))
        bench.live(live({"wind_speed@mast": 7.5}, t=T0 + 500, ages_s={"wind_speed@mast": 0.5}))
        values = await page.event("live")
        assert values == {
            "station": "buoy",
            "t": T0 + 500,
            "values": {"wind_speed@mast": 7.5},
            "flags": {},
            "ages_s": {"wind_speed@mast": 0.5},
        }
        bench.commit(bench.draft({"co2_flux@mast": -3.5}, t=T0 - 30 * MINUTE, dt=30 * MINUTE, stream="eddy", classes={"co2_flux@mast": 1}))
        told = await page.event("record")
        assert (told["stream"], told["values"], told["classes"]) == ("eddy", {"co2_flux@mast": -3.5}, {"co2_flux@mast": 1})
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        alarm = await page.event("alarm")
        models.AlarmShape.model_validate(alarm)
        assert alarm["rule"] == "outbox-filling"
        assert (await page.event("station"))["worst"] == {"severity": "high", "acknowledged": False}
        bench.ingest["store_ok"] = False
        assert (await page.event("centre"))["store_ok"] is False


async def test_a_ping_tells_the_centres_time(centre, monkeypatch):
    monkeypatch.setattr(live_module, "PING_REAL_S", 0.0)
    async with centre() as (bench, client), opened(client) as page:
        bench.clock.now += 777
        for _ in range(100):
            if (await page.event("ping"))["now"] == T0 + 777:
                return
        raise AssertionError("the ping does not follow the clock")


async def test_a_fast_world_is_told_at_a_readable_pace_and_the_newest_wins(centre, monkeypatch):
    monkeypatch.setattr(live_module, "LIVE_REAL_S", 3600.0)
    async with centre() as (bench, client), opened(client) as page:
        bench.born()
        for i in range(500):
            bench.live(live({"wind_speed@mast": float(i)}, t=T0 + i))
        first = await page.event("live")
        assert first["values"]["wind_speed@mast"] == 499.0


async def test_a_backlog_is_not_pushed_only_what_is_new(centre):
    async with centre() as (bench, client), opened(client) as page:
        bench.born()
        bench.commit(*[bench.draft(ALL, t=T0 - (600 - i) * MINUTE) for i in range(600)])
        bench.commit(*[bench.draft(ALL, t=T0 - (2000 - i) * MINUTE) for i in range(600)])  # older ones, later
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        told = []
        while not told or told[-1]["stream"] != "health":
            told.append(await page.event("record"))
        minutes = [record["t"] for record in told if record["stream"] == "minute"]
        assert minutes == [T0 - (5 - i) * MINUTE for i in range(5)]


async def test_a_page_that_leaves_is_forgotten_and_others_go_on(centre):
    async with centre() as (bench, client), opened(client) as page:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.part.port)
        writer.write(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"event: ping")
        await until(lambda: bench.part.context.feed.clients == 2)
        writer.transport.abort()  # as a phone that lost its network and then resets
        bench.born()
        await until(lambda: bench.part.context.feed.clients == 1)
        assert (await page.event("station"))["id"] == "buoy"


async def test_a_page_that_does_not_read_is_disconnected_and_holds_up_nobody(centre, monkeypatch):
    monkeypatch.setattr(live_module, "MAX_BYTES", 500_000)
    monkeypatch.setattr(live_module, "LIVE_REAL_S", 0.0)
    async with centre() as (bench, client), opened(client) as page:
        stuck = socket.create_connection(("127.0.0.1", bench.part.port))
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: bench.part.context.feed.clients == 2)
        bench.born()
        wide = {f"wind_speed@p{i}": float(i) for i in range(8000)}
        for i in range(500):
            bench.live(live(wide, t=T0 + i))
            assert (await page.event("live"))["t"] == T0 + i
            if bench.part.context.feed.dropped:
                break
        assert bench.part.context.feed.dropped == 1
        await until(lambda: bench.part.context.feed.clients == 1)
        stuck.close()


def test_a_queue_is_bounded_in_frames_and_in_bytes():
    client = Client()
    assert all(client.put(b"x") for _ in range(MAX_FRAMES))
    assert client.put(b"x") is False
    assert client.gone
    wide = Client()
    assert wide.put(b"x" * 3_000_000)
    assert wide.put(b"x" * 3_000_000) is False


async def test_only_so_many_pages_are_served(centre):
    async with centre(live_clients=1) as (bench, client), opened(client) as page:
        assert "connected already" in (await get(client, "/api/live", status=503))["error"]
        assert (await get(client, "/api/stations"))["now"] == T0
        bench.born()
        await page.event("station")


async def test_an_alarm_that_returns_and_a_station_that_leaves_are_told(centre):
    async with centre() as (bench, client), opened(client) as page:
        bench.born()
        bench.hub.station("buoy").state = StationState(state="online")
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        assert (await page.event("alarm"))["condition"] == "active"
        bench.commit(bench.draft({"outbox_share@station": 0.0}, t=T0, stream="health"))
        assert (await page.event("alarm"))["condition"] == "returned"
        bench.clock.now += 10 * MINUTE
        assert (await page.event("alarm"))["rule"] == "station-offline"
        while (await page.event("station"))["state"] != "offline":
            pass


async def test_stopping_the_centre_ends_the_stream_at_once(centre):
    async with centre() as (bench, client), client.get("/api/live") as answer:
        await Page(answer).event("ping")
        await bench.part.stop()
        async with asyncio.timeout(5):
            await answer.content.read()


async def test_the_stream_of_a_removed_user_ends(centre, tmp_path, monkeypatch):
    monkeypatch.setattr(live_module, "ALLOWED_REAL_S", 0.0)
    users = Users(tmp_path / "users.json")
    users.add("li", "correct horse battery")
    async with centre(view="login", operators="login") as (bench, client):
        async with client.post("/api/login", json={"name": "li", "password": "correct horse battery"}) as answer:
            assert answer.status == 200
        async with opened(client) as page:
            users.remove("li")
            bench.born()
            async with asyncio.timeout(10):
                await page.answer.content.read()
