"""The middlewares: every answer carries the security headers, every refusal is JSON in words, and every request is checked before a
handler sees it.

A handler that fails is logged and counted and answers 500; the process goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from collector.api.auth import TooManyTries
from collector.api.context import CONTEXT, problem
from collector.errors import AlarmNotFound, AlarmSettled, Busy, JournalUnavailable, UserError
from firmware_config.base import log

logger = log.get(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_BODY_BYTES = 16_384
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
OPEN_PATHS = frozenset({"/api/me", "/api/login", "/api/logout", "/api/openapi.json"})
STATUS = {AlarmNotFound: 404, AlarmSettled: 409, JournalUnavailable: 503, Busy: 503, UserError: 500}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal ``on_response_prepare``: also for streams and files."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "haitan"  # the library would name itself and its version
    if request.app[CONTEXT].settings.tls_proxy:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.path.startswith("/api/") or request.path in ("/metrics", "/healthz"):
        response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return problem(413, f"the body is too large; at most {MAX_BODY_BYTES} bytes are taken")
    except web.HTTPMethodNotAllowed as refusal:
        return problem(405, f"{request.method} is not for this address", Allow=refusal.headers.get("Allow", ""))
    except web.HTTPNotFound:
        return problem(404, f"there is nothing at {request.path[:200]}")
    except web.HTTPBadRequest:
        return problem(400, "this is not the JSON object that is asked for here; see /api/openapi.json")
    except (UnicodeDecodeError, RecursionError):
        return problem(400, "the body is not JSON in UTF-8")
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        return problem(refusal.status, refusal.reason)
    except TooManyTries as error:
        return problem(429, str(error), **{"Retry-After": str(int(error.wait_s) + 1)})
    except tuple(STATUS) as error:
        return problem(next(status for kind, status in STATUS.items() if isinstance(error, kind)), str(error))
    except ConnectionError:
        raise
    except Exception:
        request.app[CONTEXT].errors += 1
        logger.exception("a request failed", method=request.method, path=request.path[:200])
        return problem(500, "the centre failed to answer this; it is in its log")


@web.middleware
async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what must not reach a handler: foreign hosts and origins, bodies that are not JSON, visitors who may not look."""
    context = request.app[CONTEXT]
    if not _host_fits(request, context.settings.host, proxied=context.settings.tls_proxy):
        return problem(403, "this centre listens on its own machine only; ask for it as localhost, or set http.host or http.tls_proxy")
    if request.method not in ("GET", "HEAD"):
        if request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8":
            return problem(415, "send JSON: Content-Type: application/json")
        if not _same_origin(request):
            return problem(403, "this request comes from another site")
    if request.path.startswith("/api/") and request.path not in OPEN_PATHS and not await context.gate.may_view(request):
        return problem(401, "log in first")
    return await handler(request)


def _host_fits(request: web.Request, listening: str, *, proxied: bool) -> bool:
    """On a loopback address only loopback names are meant; another name is a page elsewhere that points its own name at us."""
    if proxied or listening not in ("127.0.0.1", "::1", "localhost"):
        return True
    name = urlsplit(f"//{request.host}").hostname or ""
    return name in ("localhost", "127.0.0.1", "::1")


def _same_origin(request: web.Request) -> bool:
    """Browsers name the origin of every such request; a program that is no browser names none and has no cookie to abuse."""
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return False
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()
