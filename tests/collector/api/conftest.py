"""A client for a staged centre."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest
from argon2 import PasswordHasher

from tests.collector.staged import OPEN, staged


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch):
    """Password hashes that cost little: the tests are not about how hard argon2 is."""
    monkeypatch.setattr("collector.api.users.PasswordHasher", partial(PasswordHasher, time_cost=1, memory_cost=1024, parallelism=1))


@pytest.fixture
def centre(tmp_path):
    """``async with centre(view="open") as (bench, client)``: a running centre and an HTTP client of it."""

    @asynccontextmanager
    async def run(headers=None, **http):
        async with (
            staged(tmp_path, http={**OPEN, **http}) as bench,
            aiohttp.ClientSession(bench.url, headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client,
        ):
            yield bench, client

    return run


async def get(client, path, status=200, **parameters):
    async with client.get(path, params=parameters) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def post(client, path, body, status=200, **kwargs):
    async with client.post(path, json=body, **kwargs) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()
