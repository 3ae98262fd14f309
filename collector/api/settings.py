"""The ``http`` section of the centre's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from firmware_config.units import DurationMs


class HttpSettings(BaseModel):
    """Where the page and the interface are served, and who may do what.

    Only this machine is served by default. To serve others, put a TLS proxy in front (``tls_proxy: true``) or listen on an address of a
    trusted network.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    """0: any free port"""
    view: Literal["open", "login"] = "login"
    """who may look: everyone who reaches the port, or who has logged in"""
    operators: Literal["open", "login"] = "login"
    """who may acknowledge: everyone who gives a name (demo), or who has logged in"""
    users: Path | None = None
    """file of users and password hashes; none: ``users.json`` in the data folder"""
    session: DurationMs = 43_200_000
    tls_proxy: bool = False
    """a proxy ends TLS in front of us: cookies are marked Secure, and its X-Forwarded-For is believed"""
    live_clients: int = Field(default=200, ge=1, le=10_000)
    page: Path | None = None
    """folder of the built page; none: the one in the package"""
