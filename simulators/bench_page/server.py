"""The bench page's server: on this machine alone, beside the demo, and without anything of the centre's.

What it shows of the centre it asks for at the centre's own public interface, read-only. It takes no request from other sites: the host
must be this machine, what switches must be JSON from the page itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from firmware_config.base import log
from simulators.bench_page.panel import Panel, catalogue
from simulators.errors import FaultFileEditedError, FaultFileError
from simulators.servers import get
from simulators.stage import Stage

logger = log.get(__name__)
FILES = {"": ("page.html", "text/html"), "page.js": ("page.js", "text/javascript"), "page.css": ("page.css", "text/css")}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
HERE = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY_BYTES = 4096
ASK_S = 10
STATION_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")


class BenchPage:
    """``await start()``, then ``url``; ``await stop()``."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._panels = {key: Panel(place) for key, place in stage.places.items()}
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_guarded])
        app.router.add_get("/bench.json", self._bench)
        app.router.add_get("/catalogue.json", self._catalogue)
        app.router.add_post("/on", self._on)
        app.router.add_post("/off", self._off)
        app.router.add_get("/centre/alarms", self._alarms)
        app.router.add_get("/centre/stations/{id}", self._station)
        app.router.add_get("/{name:(page.js|page.css)?}", _file)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _bench(self, request: web.Request) -> web.Response:
        clock = next(iter(self._panels.values())).place.faults.clock
        stations = [panel.state() for panel in self._panels.values()]
        return web.json_response({"now_ms": clock.true_ms(), "speed": clock.speed, "page": self._stage.url, "stations": stations})

    async def _catalogue(self, request: web.Request) -> web.Response:
        return web.json_response(catalogue())

    async def _on(self, request: web.Request) -> web.Response:
        wish, panel = await self._wish(request)
        panel.on(wish)
        return web.json_response(panel.state())

    async def _off(self, request: web.Request) -> web.Response:
        wish, panel = await self._wish(request)
        row = wish.get("row")
        if not isinstance(row, int) or isinstance(row, bool):
            raise FaultFileError("row: which row is to be taken out?")
        panel.off(row, wish)
        return web.json_response(panel.state())

    async def _wish(self, request: web.Request) -> tuple[dict[str, Any], Panel]:
        try:
            wish = await request.json()
        except (ValueError, RecursionError, LookupError):  # no JSON, too deep, or an encoding that nobody knows
            wish = None
        if not isinstance(wish, dict):
            raise FaultFileError("send a JSON object")
        panel = self._panels.get(str(wish.get("station", "")))
        if panel is None:
            raise FaultFileError(f"there is no station {str(wish.get('station', ''))[:64]!r} on this stage")
        return wish, panel

    async def _alarms(self, request: web.Request) -> web.Response:
        return await self._ask("/api/alarms?state=open")

    async def _station(self, request: web.Request) -> web.Response:
        station = request.match_info["id"]
        if not STATION_ID.match(station):
            raise web.HTTPNotFound
        return await self._ask(f"/api/stations/{station}")

    async def _ask(self, path: str) -> web.Response:
        try:
            return web.json_response(body=await asyncio.to_thread(get, f"{self._stage.url}{path}", ASK_S))
        except (OSError, urllib.error.URLError) as error:
            return web.json_response({"error": f"the centre does not answer: {error}"}, status=502)


async def _file(request: web.Request) -> web.Response:
    name, kind = FILES[request.match_info["name"]]
    text = files("simulators.bench_page").joinpath(name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=kind, charset="utf-8")


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{address[:64]!r} is no address") from error


@web.middleware
async def _guarded(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """This machine and this page only; what a fault file would not take is told in words."""
    try:
        if _parts(f"//{request.host}").hostname not in HERE:
            raise web.HTTPForbidden(text="ask for the bench as 127.0.0.1")
        if request.method == "POST":
            origin = request.headers.get("Origin")
            if request.content_type != "application/json" or (origin is not None and _parts(origin).netloc != request.host):
                raise web.HTTPForbidden(text="only the bench page itself may switch")
        response = await handler(request)
    except FaultFileEditedError as error:
        response = web.json_response({"error": str(error)}, status=409)
    except FaultFileError as error:
        response = web.json_response({"error": str(error)}, status=400)
    except RecursionError:
        response = web.json_response({"error": "send less nested JSON"}, status=400)
    except (OSError, json.JSONDecodeError) as error:
        logger.warning("bench page: request failed", path=request.path, problem=str(error))
        response = web.json_response({"error": str(error)}, status=500)
    response.headers.update(HEADERS)
    return response
