"""Store against InfluxDB: equal after outages, and every planted difference is found."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.config import InfluxV1
from collector.sink.reconcile import compare, resend
from collector.sink.service import lines_for
from collector.sink.targets import influxql, open_target
from collector.store.queries import Reader
from collector.store.store import Batch, Store
from tests.collector.making import HALF_HOUR, T0, event, made
from tests.collector.running import Program, program
from tests.collector.station import station
from tests.servers import Influx1, Mosquitto

pytestmark = pytest.mark.needs("influxd")
NOW = T0 + 10**9


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from collector.cli import main; main()", *words], capture_output=True, text=True, timeout=100
    )


def differences(reader: Reader, config: InfluxV1) -> list[tuple[str, str]]:
    found = compare(reader, lambda statement: influxql(config, statement), top_id=reader.top_id())
    return [(d.what, d.stream) for one in found for d in one.differences]


name = st.sampled_from(["air_temperature@m", "wind_speed:max@m", "kind", 'odd name, \\ " =\n@ü'])
value = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1), st.none())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.dictionaries(name, value, max_size=4), min_size=1, max_size=40))
def test_influxd_gives_back_exactly_what_the_lines_said(tmp_path_factory, influxd: Influx1, rows) -> None:
    folder = tmp_path_factory.mktemp("influx")
    store = Store(folder / "store.db", check=False)
    extra = {"share": {"air_temperature@m": 0.25}, "classes": {"air_temperature@m": 2}}
    records = [made(i, values=values, **extra) for i, values in enumerate(rows)]
    texts = [event(i, 'start"\\ ,= \x00\n测试', {}, t=T0 - i) for i in range(3)]
    store.commit(Batch(records + texts), NOW)
    config = InfluxV1(kind="influx1", url=influxd.url, database=folder.name)
    reader, target = Reader(store.path), open_target(config)
    target.write("\n".join(line for row in reader.after(0, 1000)[0] for line in lines_for(reader, row)))
    assert differences(reader, config) == []
    reader.close()
    store.close()


def test_every_planted_difference_is_found_and_what_can_be_mended_is(tmp_path: Path, influxd: Influx1) -> None:
    flux = {"stream": "eddy", "dt": HALF_HOUR, "flags": {"co2_flux@m": 1, "h2o_flux@m": 1}}
    records = [made(i) for i in range(2000)]  # more than one day
    old = made(0, t=T0, values={"co2_flux@m": 1.0, "h2o_flux@m": 2.0}, **flux)
    new = made(1, t=T0, values={"co2_flux@m": 3.0}, version=1, **flux)
    store = Store(tmp_path / "data" / "store.db")
    store.commit(Batch([*records, old]), NOW)
    config = InfluxV1(kind="influx1", url=influxd.url)
    target, reader = open_target(config), Reader(store.path)
    target.write("\n".join(line for row in reader.after(0, 5000)[0] for line in lines_for(reader, row)))
    assert differences(reader, config) == []
    store.commit(Batch([new]), NOW)
    assert differences(reader, config) == [("different", "eddy")]
    target.write("\n".join(line for row in reader.after(2001, 10)[0] for line in lines_for(reader, row)))
    assert differences(reader, config) == []  # the field of the superseded record stays, its flag says missing
    influxd.query(f"delete from minute where time = {T0 + 60_000}ms", "haitan")
    target.write(f"minute,station=st-a water_temperature@surface=99.0 {T0 + 120_000}000000")
    target.write(f"minute,station=st-a water_temperature@surface=1.0,seq=1i {T0 + 30_000}000000")
    target.write(f"minute,station=st-a water_temperature@surface=1.0,seq=1i {T0 - 9 * 86_400_000}000000")
    assert sorted(differences(reader, config)) == [("different", "minute"), ("extra", "minute"), ("extra", "minute"), ("missing", "minute")]
    found = [d for one in compare(reader, lambda s: influxql(config, s), top_id=reader.top_id()) for d in one.differences]
    assert resend(reader, found, target.write) == 2
    assert sorted(differences(reader, config)) == [("extra", "minute"), ("extra", "minute")]
    assert compare_ids(reader, config, top_id=500) == {"extra"}
    reader.close()
    store.close()


def test_a_record_moved_to_another_time_is_taken_back_at_the_old_one(tmp_path: Path, influxd: Influx1) -> None:
    store = Store(tmp_path / "data" / "store.db")
    config = InfluxV1(kind="influx1", url=influxd.url)
    target, reader = open_target(config), Reader(store.path)
    influxd.query("create database haitan")
    at = 0
    for one in (made(0), made(1), made(2, t=T0 + 30_000, version=1, replaces=(1, 0))):
        store.commit(Batch([one]), NOW)
        assert differences(reader, config)
        rows, last = reader.after(at, 10)
        at = last or at
        target.write("\n".join(line for row in rows for line in lines_for(reader, row)))
        assert differences(reader, config) == []
    flags = influxd.query('select "water_temperature@surface.flag" from minute', "haitan")["results"][0]["series"][0]["values"]
    assert flags == [[T0, 9], [T0 + 30_000, 1], [T0 + 60_000, 1]]
    target.write(f"minute,station=st-a water_temperature@surface.flag=1i {T0}000000")
    assert differences(reader, config) == [("extra", "minute")]
    found = [d for one in compare(reader, lambda s: influxql(config, s), top_id=reader.top_id()) for d in one.differences]
    resend(reader, found, target.write)
    assert differences(reader, config) == []
    reader.close()
    store.close()


def compare_ids(reader: Reader, config: InfluxV1, top_id: int) -> set[str]:
    """What differs when only the first rows are demanded: later rows that are there already are no difference."""
    return {d.what for one in compare(reader, lambda s: influxql(config, s), top_id=top_id) for d in one.differences}


@pytest.mark.needs("mosquitto")
def test_the_sink_equals_the_store_after_kills_of_database_and_centre(tmp_path: Path, mosquitto: Mosquitto, influxd: Influx1) -> None:
    sink = {"kind": "influx1", "url": influxd.url, "batch": 200}
    with station(mosquitto.broker) as one, program(tmp_path, mosquitto.broker, sink=sink) as centre:
        one.listening()
        sent = 0

        def more(count: int) -> None:
            nonlocal sent
            for i in range(sent, sent + count, 50):
                one.send([made(j) for j in range(i, i + 50)])
            sent += count
            one.until_acked((0, sent - 1))

        more(500)
        influxd.kill()
        more(500)
        centre.end(signal.SIGKILL)
        one.change(one.states.clear)
        centre.start()
        one.listening()
        more(500)
        influxd.start()
        more(500)
        result = command("reconcile", str(centre.file), "--wait", "60s")
        assert result.returncode == 0, result.stdout + result.stderr
        assert _points(influxd) == sent == 2000
        _plant(influxd)
        result = command("reconcile", str(centre.file))
        assert result.returncode == 1
        assert "water_temperature@surface: 15.0 in the store, -1 in the database" in result.stdout
        assert command("reconcile", str(centre.file), "--resend").returncode == 0
        _exports(centre)


def _points(influxd: Influx1) -> int:
    return influxd.query('select count("seq") from minute', "haitan")["results"][0]["series"][0]["values"][0][1]


def _plant(influxd: Influx1) -> None:
    line = f"minute,station=st-a water_temperature@surface=-1.0 {T0}000000".encode()
    with urllib.request.urlopen(urllib.request.Request(f"{influxd.url}/write?db=haitan", data=line, method="POST")) as response:
        assert response.status == 204


def _exports(centre: Program) -> None:
    """`export` while the centre runs."""
    words = ("export", str(centre.file), "--station", "st-a", "--stream", "minute")
    lines = command(*words, "--format", "jsonl").stdout.splitlines()
    assert [line.encode() for line in lines] == [made(i).body for i in range(2000)]
    begin = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(T0 / 1000 + 600))
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(T0 / 1000 + 900))
    out = centre.data / "out.csv"
    result = command(*words, "--from", begin, "--to", end, "--out", str(out))
    rows = [line.split(",") for line in out.read_text().splitlines()]
    assert (result.returncode, result.stderr.strip()) == (0, "5 records")
    assert rows[0][:3] == ["time_utc", "t_ms", "dt_ms"]
    assert [row[6] for row in rows[1:]] == ["10", "11", "12", "13", "14"]
    column = rows[0].index("water_temperature@surface")
    assert [float(row[column]) for row in rows[1:]] == [15.0 + i % 7 for i in range(10, 15)]
