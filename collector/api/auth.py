"""Who is asking, and what they may do: sessions in an encrypted cookie, logins with limits, one place that decides."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

from aiohttp import web
from aiohttp_session import Session, get_session, new_session
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.fernet import Fernet

from collector.api.ended import EndedSessions
from collector.api.limiter import Limiter
from collector.api.settings import HttpSettings
from collector.api.users import Users
from collector.errors import Busy

COOKIE = "haitan"
MAX_LOGINS_WAITING = 8


class TooManyTries(Exception):
    """Logins are tried too often; ``wait_s`` until the next one."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many tries; wait {wait_s:.0f} s")
        self.wait_s = wait_s


class Gate:
    """Decides who may view and who may acknowledge."""

    def __init__(self, settings: HttpSettings, users: Users, ended: EndedSessions) -> None:
        self.settings = settings
        self._users = users
        self._ended = ended
        self._by_name = Limiter(5, 30.0)
        self._by_address = Limiter(20, 6.0)
        self._thread = ThreadPoolExecutor(1, "password-check")
        self._waiting = 0

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def address(self, request: web.Request) -> str:
        """Where a request comes from; behind our own proxy, what the proxy says."""
        forwarded = request.headers.get("X-Forwarded-For", "") if self.settings.tls_proxy else ""
        return forwarded.rsplit(",", 1)[-1].strip()[:64] or request.remote or "?"

    def is_local(self, request: web.Request) -> bool:
        """Straight from this machine, not through a proxy on it."""
        if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
            return False
        try:
            return ip_address(request.remote or "").is_loopback
        except ValueError:
            return False

    async def name(self, request: web.Request) -> str | None:
        """The user of this session, until it is ended and while that user exists and has that password."""
        session = await get_session(request)
        name, seal, number = session.get("name"), session.get("seal"), session.get("number")
        if not isinstance(name, str) or not isinstance(seal, str) or not isinstance(number, str) or number in self._ended:
            return None
        return name if self._users.seal(name) == seal else None

    async def may_view(self, request: web.Request) -> bool:
        return self.settings.view == "open" or await self.name(request) is not None

    async def me(self, request: web.Request) -> dict[str, Any]:
        """``{name, may_acknowledge, login_required}``; ``login_required``: acknowledging needs a login."""
        return self._me(await self.name(request))

    def _me(self, name: str | None) -> dict[str, Any]:
        free = self.settings.operators == "open"
        return {"name": name, "may_acknowledge": name is not None or free, "login_required": not free}

    async def login(self, request: web.Request, name: str, password: str) -> dict[str, Any] | None:
        """Begin a session; None when name and password do not fit. Raises TooManyTries, Busy."""
        address = self.address(request)
        wait_s = max(self._by_address.wait_s(address), self._by_name.wait_s(f"{name}\n{address}"))
        if wait_s > 0:
            raise TooManyTries(wait_s)
        if self._waiting >= MAX_LOGINS_WAITING:
            raise Busy("too many logins at once; try again in a moment")
        self._waiting += 1
        try:
            fits = await asyncio.get_running_loop().run_in_executor(self._thread, self._users.check, name, password)
        finally:
            self._waiting -= 1
        seal = self._users.seal(name)
        if not fits or seal is None:
            return None
        self._by_name.forget(f"{name}\n{address}")
        session: Session = await new_session(request)
        session["name"], session["seal"], session["number"] = name, seal, secrets.token_urlsafe(16)
        return self._me(name)

    async def logout(self, request: web.Request) -> dict[str, Any]:
        session = await get_session(request)
        if isinstance(number := session.get("number"), str):
            await asyncio.get_running_loop().run_in_executor(self._thread, self._ended.end, number)
        session.invalidate()
        return self._me(None)


def cookie_storage(settings: HttpSettings, key: bytes) -> EncryptedCookieStorage:
    """Sessions live in the cookie itself, encrypted; HttpOnly, SameSite=Strict, Secure behind TLS."""
    import base64

    return EncryptedCookieStorage(
        Fernet(base64.urlsafe_b64encode(key)),
        cookie_name=COOKIE,
        max_age=settings.session // 1000,
        httponly=True,
        secure=settings.tls_proxy,
        samesite="Strict",
    )
