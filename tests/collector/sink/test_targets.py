"""The contract every way into a database keeps: stored means stored, refused means never, anything else means later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.config import InfluxV1, InfluxV2
from collector.errors import SinkRefused, SinkUnavailable
from collector.sink.targets import Target, influxql, open_target
from tests.collector.making import T0
from tests.collector.sink.faults import DROP, HANG, FaultyDatabase, faulty_database
from tests.servers import Influx1, Victoria, free_port

LINES = f"minute,station=a x@y=1.5,x@y.flag=1i {T0}000000\nminute,station=a x@y=2.5,x@y.flag=1i {T0 + 1}000000"


def config(kind: str, url: str, **more):
    return InfluxV1(kind="influx1", url=url, **more) if kind == "influx1" else InfluxV2(kind=kind, url=url, **more)


@pytest.fixture(params=["influx1", "influx2", "influx3"])
def faulty(request) -> Iterator[tuple[Target, FaultyDatabase]]:
    with faulty_database() as database:
        target = open_target(config(request.param, database.url, timeout="300ms"))
        yield target, database
        target.close()


@pytest.mark.parametrize("status", [400, 413, 422])
def test_lines_refused_for_what_they_are(faulty, status: int) -> None:
    target, database = faulty
    database.script = [status]
    with pytest.raises(SinkRefused, match=str(status)):
        target.write(LINES)
    target.write(LINES)
    assert len(database.lines) == 2


@pytest.mark.parametrize("action", [401, 403, 404, 429, 500, 503, 200, HANG, DROP])
def test_anything_else_is_only_later(faulty, action) -> None:
    target, database = faulty
    database.script = [action]
    with pytest.raises(SinkUnavailable):
        target.write(LINES)
    target.reset()
    target.write(LINES)
    assert len(database.lines) == 2


@pytest.mark.parametrize("kind", ["influx1", "influx2"])
def test_nobody_there_is_only_later(kind: str) -> None:
    target = open_target(config(kind, f"http://127.0.0.1:{free_port()}", timeout="300ms"))
    with pytest.raises(SinkUnavailable):
        target.write(LINES)
    target.close()


def test_a_changed_token_is_used_from_the_next_reset(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    with faulty_database() as database:
        target = open_target(config("influx2", database.url, token_file=token))
        target.write(LINES)
        token.write_text("new\n")
        target.reset()
        target.write(LINES)
        target.close()
        assert database.tokens == ["Token old", "Token new"]


def _influxd(server: Influx1) -> tuple[Target, Callable[[], list[float]]]:
    settings = config("influx1", server.url)
    return open_target(settings), lambda: [v[1] for s in influxql(settings, 'select "x@y" from minute') for v in s["values"]]


def _victoria(server: Victoria) -> tuple[Target, Callable[[], list[float]]]:
    settings = config("influx2", server.url)
    return open_target(settings), lambda: [v for s in server.export('{__name__="minute_x@y"}') for v in s["values"]]


@pytest.mark.needs("influxd")
def test_influxd_1_stores_what_write_took(influxd: Influx1) -> None:
    target, read = _influxd(influxd)
    target.write(LINES)
    assert read() == [1.5, 2.5]
    with pytest.raises(SinkRefused, match="type"):
        target.write(f'minute,station=a x@y="text" {T0}000000')
    with pytest.raises(SinkRefused):
        target.write("no line at all")
    influxd.kill()
    with pytest.raises(SinkUnavailable):
        target.write(LINES)
    influxd.start()
    target.write(LINES.replace("2.5", "3.5"))
    assert read() == [1.5, 3.5]


@pytest.mark.needs("victoria")
def test_victoria_stores_what_the_v2_path_took(victoria: Victoria) -> None:
    target, read = _victoria(victoria)
    target.write(LINES)
    assert read() == [1.5, 2.5]
    victoria.kill()
    with pytest.raises(SinkUnavailable):
        target.write(LINES)
    victoria.start()
    target.reset()
    target.write(LINES)
    target.close()
