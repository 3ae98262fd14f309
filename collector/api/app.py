"""The web application of a centre, and the part that serves it."""

from __future__ import annotations

import asyncio
import logging
import warnings

import aiohttp_session
from aiohttp import web

from collector.api import handlers, openapi, stations
from collector.api.auth import Gate, cookie_storage
from collector.api.context import CONTEXT, Context, encode, json_answer, problem
from collector.api.ended import EndedSessions
from collector.api.guards import MAX_BODY_BYTES, add_headers, checked, errors_as_json
from collector.api.live import LiveFeed
from collector.api.metrics import exposition
from collector.api.page import BUILT, page
from collector.api.settings import HttpSettings
from collector.api.users import Users, session_key
from collector.centre import Centre
from collector.errors import CollectorError
from firmware_config.base import log

logger = log.get(__name__)
DOCUMENT: web.AppKey[bytes] = web.AppKey("openapi", bytes)
HEALTH_LIMIT_S = 3.0
LIBRARIES = ("aiohttp.server", "aiohttp_session")
"""They log each broken request and each strange cookie: any visitor could fill the log. What fails in a handler we log ourselves."""


def make_context(centre: Centre, settings: HttpSettings) -> Context:
    """Everything the handlers need; the alarms must have been started."""
    if centre.alarms is None:
        raise CollectorError("start collector.alarms before collector.api: the page shows what the alarms know")
    users = Users(settings.users or centre.data / "users.json")
    ended = EndedSessions(centre.data / "sessions-ended.json", settings.session / 1e3)
    feed = LiveFeed(
        centre.hub,
        centre.clock,
        summary=lambda station: stations.summary(context, centre.hub.stations[station]),
        centre=lambda: stations.centre(context),
        most=settings.live_clients,
    )
    folder = (settings.page or BUILT).resolve()
    context = Context(centre, centre.alarms, settings, Gate(settings, users, ended), feed, folder)
    return context


def make_app(context: Context) -> web.Application:
    """The application with all its routes and guards."""
    warnings.filterwarnings("ignore", category=web.NotAppKeyWarning, module="aiohttp_session")  # it keeps to the older keys
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    storage = cookie_storage(context.settings, session_key(context.centre.data / "session.key"))
    app = web.Application(
        client_max_size=MAX_BODY_BYTES, middlewares=[errors_as_json, aiohttp_session.session_middleware(storage), checked]
    )
    app[CONTEXT] = context
    app.on_response_prepare.append(add_headers)
    for method, path, handler in handlers.ROUTES:
        app.router.add_route(method, path, handler)
    app[DOCUMENT] = encode(openapi.document(app))
    app.router.add_get("/api/openapi.json", _openapi)
    app.router.add_get("/api/{rest:.*}", _nothing)
    app.router.add_get("/metrics", _metrics)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/{name:.*}", page)
    return app


async def _openapi(request: web.Request) -> web.Response:
    return web.Response(body=request.app[DOCUMENT], content_type="application/json")


async def _nothing(request: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def _metrics(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    if not context.gate.is_local(request) and not await context.gate.may_view(request):
        return problem(401, "metrics are for this machine, or for whoever may view")
    return web.Response(body=exposition(context), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


async def _healthz(request: web.Request) -> web.Response:
    """200 while the centre does its work: the store answers and the alarms are watched; 503 with the reason otherwise."""
    context = request.app[CONTEXT]
    wrong = []
    try:
        await asyncio.wait_for(context.ask(lambda reader: reader.top_id()), HEALTH_LIMIT_S)
    except Exception as error:
        wrong.append(f"store: {type(error).__name__}")
    if not context.engine.alive:
        wrong.append("alarms: not running")
    facts = context.says("ingest")
    told = {"ok": not wrong, "wrong": wrong, "broker": facts.get("broker") is not False, "store_ok": facts.get("store_ok") is not False}
    return json_answer(told, status=503 if wrong else 200)


class HttpPart:
    """The running server: `port` is where it listens."""

    def __init__(self, context: Context, runner: web.AppRunner, port: int) -> None:
        self.context = context
        self.port = port
        self._runner = runner

    async def stop(self) -> None:
        await self.context.feed.stop()
        await self._runner.cleanup()
        self.context.gate.close()


async def serve(centre: Centre, settings: HttpSettings) -> HttpPart:
    """Begin to listen. CollectorError when the port cannot be had."""
    context = make_context(centre, settings)
    runner = web.AppRunner(make_app(context), access_log=None, shutdown_timeout=2.0, keepalive_timeout=30.0)
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise CollectorError(
            f"http: cannot listen on {settings.host} port {settings.port}: {error.strerror}; is another program there? set http: port"
        ) from error
    context.feed.start()
    port = int(runner.addresses[0][1])
    centre.status["http"] = lambda: {"host": settings.host, "port": port, "live_clients": context.feed.clients}
    logger.info("page and interface are served", url=f"http://{settings.host}:{port}/", view=settings.view, page=str(context.page))
    return HttpPart(context, runner, port)
