"""A stand-in for the collector: serves the built page, the HTTP interface and the event stream over the scene, in a thread of its own.

For looking at the page by hand: ``python -m tests.collector.web.standin --port 8123``. Promises the shapes of the interface, nothing about
how a collector works. What a test changes (alarms, silence, refusal, login) it changes through the methods, which are thread-safe.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.collector.web import scene

DIST = Path(__file__).resolve().parents[3] / "collector" / "web" / "dist"
HALF_HOUR = 30 * scene.MINUTE
RANK = {"high": 3, "medium": 2, "low": 1}


class Standin:
    """The server. ``silent`` keeps connections open and says nothing (a half-dead link); ``down`` refuses every request."""

    def __init__(self, *, speed: float = 1.0, login_required: bool = False, ping_s: float = 5.0, began_ms: int = scene.BEGAN) -> None:
        self._began_s, self._origin_s = began_ms / 1e3, time.time()
        self.speed, self.login_required, self.ping_s = speed, login_required, ping_s
        self.silent = self.down = False
        self.view_locked = False
        self.user: str | None = None
        self.alarms: dict[str, dict[str, Any]] = {str(alarm["id"]): alarm for alarm in scene.alarms(self.now())}
        self.overrides: dict[str, dict[str, Any]] = {}
        self.centre: dict[str, Any] = {}
        self.asked: list[str] = []
        self.received: list[dict[str, Any]] = []
        self.port = 0
        self._pages: set[asyncio.Queue[tuple[str, Any]]] = set()
        self._transports: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # what a test calls

    def start(self, port: int = 0) -> str:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._serve(port), self._loop).result(10)
        return f"http://127.0.0.1:{self.port}/"

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def now(self) -> int:
        """The world's time, which began at the scene's hour."""
        return int((self._began_s + (time.time() - self._origin_s) * self.speed) * 1000)

    def fall(self, how: str) -> None:
        """Become ``silent`` or ``down`` (which also breaks every connection); done when it returns."""

        async def fallen() -> None:
            setattr(self, how, True)
            if how == "down":
                for transport in self._transports:
                    transport.abort()

        asyncio.run_coroutine_threadsafe(fallen(), self._loop).result(10)

    def say(self, event: str, data: Any) -> None:
        """Send an event to every page."""

        def spread() -> None:
            for queue in self._pages:
                queue.put_nowait((event, data))

        self._loop.call_soon_threadsafe(spread)

    def raise_alarm(self, **fields: Any) -> None:
        alarm = scene.alarm(raised_ms=self.now(), **fields)
        self.alarms[str(alarm["id"])] = alarm
        self.say("alarm", alarm)

    # the interface

    def summary(self, station: str) -> dict[str, Any]:
        file, now = scene.station_file(station), self.now()
        offline = station == "hangzhou-mudflat"
        depth = 412 if offline else 0
        open_here = [a for a in self.alarms.values() if a["station"] == station and a["condition"] != "cleared"]
        worst = max(open_here, key=lambda a: (a["acknowledged"] is None, RANK[a["severity"]]), default=None)
        return {
            "id": station,
            "name": file["name"],
            "platform": file["platform"],
            "surface": file["surface"],
            **file["position"],
            "timezone": file["timezone"],
            "simulated": True,
            "state": "offline" if offline else "online",
            "heard_ms": now - (47 * scene.MINUTE if offline else 900),
            "data_t": now - (48 * scene.MINUTE if offline else 2_000),
            "worst": worst and {"severity": worst["severity"], "acknowledged": worst["acknowledged"] is not None},
            "alarms": len(open_here),
            "queue": {"depth": float(depth), "oldest_age_s": 2820.0 if offline else None, "share": 0.012 if offline else 0.0},
            "software": "0.1.0",
            "config_hash": "9f2c41d07ab355e1",
            **self.overrides.get(station, {}),
        }

    def centre_facts(self) -> dict[str, Any]:
        sink: dict[str, Any] = {"ok": True, "lag_records": 0, "parked": 0, "name": "influx"}
        return {
            "id": "centre",
            "state": "listening",
            "clock": "synchronised",
            "store_ok": True,
            "sink": sink,
            "parked": 0,
            "version": "0.1.0",
            "worst": None,
            "alarms": 0,
            **self.centre,
        }

    async def _stations(self, _: web.Request) -> web.Response:
        return web.json_response({"now": self.now(), "centre": self.centre_facts(), "stations": [self.summary(s) for s in scene.PLACES]})

    async def _station(self, request: web.Request) -> web.Response:
        station, now = request.match_info["id"], self.now()
        if station not in scene.PLACES:
            return web.json_response({"error": "no such station"}, status=404)
        facts = self.summary(station)
        health = scene.health(station, now, facts["queue"]["depth"])
        return web.json_response({**facts, "birth": scene.birth(station), "health": health, "newest": scene.newest(station, now)})

    async def _series(self, request: web.Request) -> web.Response:
        query = request.query
        start, end, points = int(query["from"]), min(int(query["to"]), self.now()), int(query["points"])
        streams = scene.series_of(query["station"])
        finest = min(scene.PERIOD[streams[name]] for name in query["series"].split(","))
        bucket = HALF_HOUR if (end - start) / finest > points else 0
        answer = {name: self._one_series(name, streams[name], start, end, bucket) for name in query["series"].split(",")}
        return web.json_response({"station": query["station"], "from": start, "to": end, "bucket_ms": bucket, "series": answer})

    def _one_series(self, name: str, stream: str, start: int, end: int, bucket: int) -> dict[str, Any]:
        step = bucket or scene.PERIOD[stream]
        columns: dict[str, list[Any]] = {key: [] for key in ("t", "v", "flag", "min", "max", "class", "share")}
        for t in range(-(-start // step) * step, end - step, step):
            value, flag, grade, there = scene.point(name, stream, t)
            if not there:
                continue
            spread = 3 * scene.SHAPES[name.split("@", maxsplit=1)[0]][3]
            band = (value - spread, value + spread) if bucket and value is not None and stream == "minute" else (None, None)
            for key, item in zip(columns, (t, value, flag, *band, grade, None), strict=True):
                columns[key].append(item)
        return {"unit": scene.registry()[name.split("@", maxsplit=1)[0]].unit, "label": scene.label(name), **columns}

    async def _ledger(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"station": request.query["station"], "streams": scene.ledger(request.query["station"], int(request.query["from"]), self.now())}
        )

    async def _alarms(self, request: web.Request) -> web.Response:
        query = request.query
        found = [a for a in self.alarms.values() if query["state"] == "all" or a["condition"] != "cleared"]
        found = [a for a in found if query.get("station") in (None, a["station"] or "centre") and a["id"] < int(query.get("before", 2**53))]
        found.sort(key=lambda a: -a["id"])
        return web.json_response({"alarms": found[: int(query.get("limit", 100))]})

    async def _acknowledge(self, request: web.Request) -> web.Response:
        given = await request.json()
        self.received.append({"id": request.match_info["id"], **given})
        if self.login_required and not self.user:
            return web.json_response({"error": "log in first"}, status=401)
        alarm = self.alarms[request.match_info["id"]]
        alarm["acknowledged"] = {"who": self.user or given["who"], "when_ms": self.now(), "comment": given["comment"]}
        if alarm["condition"] == "returned":
            alarm.update(condition="cleared", cleared_ms=self.now())
        self.say("alarm", alarm)
        self.say("station", self.summary(alarm["station"]))
        return web.json_response(alarm)

    async def _login(self, request: web.Request) -> web.Response:
        given = await request.json()
        if given["password"] != "tide":
            return web.json_response({"error": "wrong"}, status=401)
        self.user = given["name"]
        return await self._me(request)

    async def _logout(self, request: web.Request) -> web.Response:
        self.user = None
        return await self._me(request)

    async def _me(self, _: web.Request) -> web.Response:
        may = not self.login_required or self.user is not None
        return web.json_response({"name": self.user, "may_acknowledge": may, "login_required": self.login_required})

    async def _live(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        transport = request.transport
        assert transport is not None
        self._pages.add(queue)
        self._transports.add(transport)
        try:
            while True:
                event, data = await queue.get()
                if not self.silent:
                    await response.write(f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())
        except (ConnectionResetError, asyncio.CancelledError):
            pass
        finally:
            self._pages.discard(queue)
            self._transports.discard(transport)
        return response

    def _live_values(self, station: str) -> dict[str, Any]:
        now, streams = self.now(), scene.series_of(station)
        fast = {series: scene.value_at(series, now) for series, stream in streams.items() if stream == "minute"}
        return {"station": station, "t": now, "values": fast, "flags": dict.fromkeys(fast, 1), "ages_s": dict.fromkeys(fast, 0.3)}

    # running

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(DIST / "index.html")

    @web.middleware
    async def _door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.down:
            return web.json_response({"error": "down"}, status=503)
        if self.view_locked and not self.user and request.path.startswith("/api/") and request.path not in ("/api/me", "/api/login"):
            return web.json_response({"error": "log in first"}, status=401)
        return await handler(request)

    async def _serve(self, port: int) -> int:
        app = web.Application(middlewares=[self._door])
        app.add_routes(
            [
                web.get("/api/stations", self._stations),
                web.get("/api/stations/{id}", self._station),
                web.get("/api/series", self._series),
                web.get("/api/ledger", self._ledger),
                web.get("/api/alarms", self._alarms),
                web.post("/api/alarms/{id}/acknowledge", self._acknowledge),
                web.post("/api/login", self._login),
                web.post("/api/logout", self._logout),
                web.get("/api/me", self._me),
                web.get("/api/live", self._live),
                web.get("/", self._index),
                web.static("/", DIST),
            ]
        )
        app.cleanup_ctx.append(self._talking)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _talking(self, _: web.Application) -> AsyncIterator[None]:
        async def talk() -> None:
            beat = 0
            while True:
                for queue in list(self._pages):
                    queue.put_nowait(("ping", {"now": self.now()}))
                    if beat % 2 == 0:
                        for station in scene.PLACES:
                            if self.summary(station)["state"] == "online":
                                queue.put_nowait(("live", self._live_values(station)))
                            queue.put_nowait(("station", self.summary(station)))
                beat += 1
                await asyncio.sleep(self.ping_s / 2)

        task = asyncio.create_task(talk())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--login", action="store_true")
    options = parser.parse_args()
    server = Standin(speed=options.speed, login_required=options.login)
    print(server.start(options.port), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)
