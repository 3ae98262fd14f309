"""The ways into a time-series database: one POST, one verdict.

`Target.write` returns when the lines are stored (HTTP 204), raises SinkRefused when they are refused for what they are, and SinkUnavailable
for everything else; it never retries and never keeps anything. All implementations pass one contract suite. Reading back is InfluxQL over
``/query``, which every version from 1.6 to 3 answers.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from collector.config import InfluxV1, InfluxV2, SinkConfig
from collector.errors import SinkRefused, SinkUnavailable

REFUSED = frozenset({400, 413, 422})
TOKEN_ENVIRONMENT = "HAITAN_INFLUX_TOKEN"
PASSWORD_ENVIRONMENT = "HAITAN_INFLUX_PASSWORD"
MAX_ANSWER_BYTES = 256_000_000


class Target(Protocol):
    """Where lines go."""

    def write(self, lines: str) -> None: ...

    def reset(self) -> None:
        """Forget connections and secrets: the next write begins afresh (a token may have been changed)."""

    def close(self) -> None: ...


def _secret(file: Path | None, environment: str) -> str | None:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SinkUnavailable(f"secret file {file} cannot be read: {error}") from error
    return os.environ.get(environment)


def _request(url: str, data: bytes | None, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
    """One HTTP exchange without proxies; any status is an answer, no answer is SinkUnavailable."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=data, headers=dict(headers), method="GET" if data is None else "POST")
    try:
        with opener.open(request, timeout=timeout_s) as response:
            return response.status, response.read(MAX_ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return error.code, error.read(10_000)
        return error.code, b""
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SinkUnavailable(f"{url.partition('?')[0]}: {error}") from error


def _message(body: bytes) -> str:
    """What an answer says is wrong, in at most 300 characters."""
    text = body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            text = str(found.get("error") or found.get("message") or text)
    return text.strip()[:300]


def _judge(where: str, status: int, body: bytes) -> None:
    if status == 204:
        return
    text = f"{where}: HTTP {status}: {_message(body)}"
    raise (SinkRefused if status in REFUSED else SinkUnavailable)(text)


class InfluxV1Target:
    """``/write`` of InfluxDB 1.x."""

    def __init__(self, config: InfluxV1) -> None:
        self._config = config
        self._created = not config.create

    def write(self, lines: str) -> None:
        config = self._config
        if not self._created:
            self._create()
        query = {"db": config.database, "precision": "ns"} | ({"rp": config.retention_policy} if config.retention_policy else {})
        url = f"{config.url}/write?{urllib.parse.urlencode(query)}"
        _judge(f"{config.url}/write", *_request(url, lines.encode(), credentials(config), config.timeout / 1e3))

    def _create(self) -> None:
        config = self._config
        name = config.database.replace("\\", "\\\\").replace('"', '\\"')
        data = urllib.parse.urlencode({"q": f'CREATE DATABASE "{name}"'}).encode()
        status, body = _request(f"{config.url}/query", data, credentials(config), config.timeout / 1e3)
        if status != 200:
            raise SinkUnavailable(f"{config.url}: database {config.database} cannot be created: HTTP {status}: {_message(body)}")
        self._created = True

    def reset(self) -> None:
        self._created = not self._config.create

    def close(self) -> None:
        return


class InfluxV2Target:
    """``/api/v2/write`` of InfluxDB 1.8, 2.x, 3.x and VictoriaMetrics, through influxdb-client in its synchronous mode.

    The batching mode of that client gives records up silently and is not used.
    """

    def __init__(self, config: InfluxV2) -> None:
        # here, since it takes a second and most centres have no sink of this kind
        from influxdb_client.client.influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS
        from influxdb_client.rest import ApiException

        self._open: Any = InfluxDBClient
        self._options: Any = SYNCHRONOUS
        self._refusal: type[Exception] = ApiException
        self._config = config
        self._client: Any = None

    def write(self, lines: str) -> None:
        config = self._config
        if self._client is None:
            token = _secret(config.token_file, TOKEN_ENVIRONMENT) or ""
            self._client = self._open(url=config.url, token=token, org=config.org, timeout=config.timeout)
        api = self._client.write_api(write_options=self._options)
        status = 0
        try:
            api.write(bucket=config.bucket, org=config.org, record=lines, write_precision="ns")
            status = int(self._client.api_client.last_response.status)  # the client takes any 2xx for success; a portal's 200 is none
        except self._refusal as error:
            status, body = int(getattr(error, "status", 0) or 0), str(getattr(error, "body", "") or error)
            _judge(f"{config.url}/api/v2/write", status, body.encode())
        except Exception as error:  # urllib3 and socket errors: no answer
            raise SinkUnavailable(f"{config.url}: {error}") from error
        _judge(f"{config.url}/api/v2/write", status, b"")

    def reset(self) -> None:
        self.close()

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def open_target(config: SinkConfig) -> Target:
    return InfluxV1Target(config) if isinstance(config, InfluxV1) else InfluxV2Target(config)


def credentials(config: SinkConfig) -> dict[str, str]:
    """The Authorization header of a sink, if it has secrets."""
    if isinstance(config, InfluxV1):
        password = _secret(config.password_file, PASSWORD_ENVIRONMENT)
        if config.username is None or password is None:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"{config.username}:{password}".encode()).decode()}
    token = _secret(config.token_file, TOKEN_ENVIRONMENT)
    return {"Authorization": f"Token {token}"} if token else {}


def influxql(config: SinkConfig, statement: str) -> list[dict[str, Any]]:
    """The series of one InfluxQL statement (times in ns): each with ``name``, ``columns``, ``values``; SinkUnavailable when it fails."""
    database = config.database if isinstance(config, InfluxV1) else config.bucket
    data = urllib.parse.urlencode({"db": database, "q": statement, "epoch": "ns"}).encode()
    headers = credentials(config) | {"Content-Type": "application/x-www-form-urlencoded"}
    status, body = _request(f"{config.url}/query", data, headers, max(config.timeout / 1e3, 60.0))
    if status != 200:
        raise SinkUnavailable(f"{config.url}/query: HTTP {status}: {_message(body)}")
    try:
        result = json.loads(body)["results"][0]
    except (ValueError, KeyError, IndexError) as error:
        raise SinkUnavailable(f"{config.url}/query: not an InfluxQL answer: {body[:200]!r}") from error
    if "error" in result:
        raise SinkUnavailable(f"{config.url}/query: {result['error']}")
    series: list[dict[str, Any]] = result.get("series", [])
    return series
