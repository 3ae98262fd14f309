"""The sink against a database that fails as scripted: nothing is skipped, only single bad lines are set aside."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.config import InfluxV1, InfluxV2
from collector.sink.lines import field_name
from collector.sink.service import Sink
from collector.sink.targets import open_target
from collector.store.queries import Reader
from collector.store.store import Batch, Store
from tests.collector.making import HALF_HOUR, T0, event, made
from tests.collector.sink.faults import DROP, HANG, FaultyDatabase, faulty_database
from tests.servers import Influx1, Victoria

NOW = T0 + 10**9


@pytest.fixture
def database() -> Iterator[FaultyDatabase]:
    with faulty_database() as made_database:
        yield made_database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


class Driven:
    """A sink whose steps the test takes itself, so that no thread is needed."""

    def __init__(self, store: Store, url: str, kind: str = "influx1", batch: int = 100) -> None:
        settings = (
            InfluxV1(kind="influx1", url=url, timeout="300ms") if kind == "influx1" else InfluxV2(kind=kind, url=url, timeout="300ms")
        )
        self.facts: list[dict] = []
        self.store = store
        self.sink = Sink(
            name="test",
            target=open_target(settings),
            reader=Reader(store.path),
            advance=lambda cursor, refused: store.advance_sink("test", cursor, refused, NOW),
            tell=self.facts.append,
            batch=batch,
            first_retry_s=0.01,
        )
        self.sink.cursor = self.sink._reader.sink_cursor("test")

    def drain(self) -> None:
        while self.sink.step():
            pass

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *error: object) -> None:
        self.sink.stop()


@pytest.mark.needs("victoria")
def test_victoria_ends_with_every_number_of_the_store(store: Store, victoria: Victoria) -> None:
    store.commit(Batch([made(i) for i in range(300)]), NOW)
    with Driven(store, victoria.url, "influx2") as driven:
        driven.drain()
        assert driven.sink._reader.sink_parked("test") == []
    for name in ("water_temperature@surface", "wind_from_direction@mast"):
        (found,) = victoria.export(f'{{__name__="minute_{name}",station="st-a"}}')
        expected = {made(i).record.t: made(i).record.values[name] for i in range(300)}
        assert dict(zip(found["timestamps"], found["values"], strict=True)) == expected


def numbers(database: FaultyDatabase) -> list[int]:
    return sorted(int(line.partition("seq=")[2].partition("i")[0]) for line in database.lines.values())


@pytest.mark.parametrize("kind", ["influx1", "influx2"])
@pytest.mark.parametrize("script", [[503, 503, 503], [429, 429], [HANG], [401, 401], [DROP], [403, 404, 500, HANG, DROP]])
def test_every_row_arrives_whatever_the_database_goes_through(store: Store, database: FaultyDatabase, kind: str, script: list) -> None:
    store.commit(Batch([made(i) for i in range(250)]), NOW)
    database.script = list(script)
    with Driven(store, database.url, kind) as driven:
        driven.drain()
        assert numbers(database) == list(range(250))
        assert driven.sink._reader.sink_cursor("test") == store.top_id
        assert driven.sink._reader.sink_parked("test") == []
        assert [fact["kind"] for fact in driven.facts] == ["sink_down", "sink_up"]
        assert driven.sink.status()["ok"] is True


@pytest.mark.parametrize("refusal", [400, 413, 422])
@pytest.mark.parametrize("bad", [{0}, {99}, {17, 18, 63}, set(range(100))])
def test_only_the_bad_lines_are_set_aside_each_with_its_reason(store: Store, database: FaultyDatabase, refusal: int, bad: set[int]) -> None:
    store.commit(Batch([made(i) for i in range(100)]), NOW)
    database.refusal = refusal
    database.refuses = lambda line: int(line.partition("seq=")[2].partition("i")[0]) in bad
    with Driven(store, database.url) as driven:
        driven.drain()
        assert numbers(database) == sorted(set(range(100)) - bad)
        aside = driven.sink._reader.sink_parked("test")
        assert {int(line.partition("seq=")[2].partition("i")[0]) for _, line, _ in aside} == bad
        assert all(str(refusal) in reason for _, _, reason in aside)
        assert driven.facts == [{**driven.facts[0], "kind": "sink_parked", "count": len(bad)}]
        database.refuses = lambda line: False
        store.commit(Batch([made(100)]), NOW)
        driven.drain()
        assert 100 in numbers(database)


def test_the_cursor_moves_only_after_the_database_has_said_so(store: Store, database: FaultyDatabase) -> None:
    store.commit(Batch([made(i) for i in range(30)]), NOW)
    with Driven(store, database.url, batch=10) as driven:
        assert driven.sink.step()
    assert numbers(database) == list(range(10))
    with Driven(store, database.url, batch=10) as driven:  # a new life
        assert driven.sink.cursor == 10
        driven.drain()
    assert numbers(database) == list(range(30))


def test_a_recomputed_value_wins_in_the_database_whatever_the_order(store: Store, database: FaultyDatabase) -> None:
    flux = {"stream": "eddy", "t": T0, "dt": HALF_HOUR}
    old = made(1, **flux, values={"co2_flux@m": -3.0, "latent_heat_flux@m": 80.0}, flags={"co2_flux@m": 1, "latent_heat_flux@m": 1})
    new = made(2, **flux, values={"co2_flux@m": -4.0}, flags={"co2_flux@m": 1}, version=1, replaces=(1, 1))
    for first, second in ((old, new), (new, old)):
        database.lines.clear()
        path = store.path.with_name(f"{first.record.seq}.db")
        with Driven(Store(path), database.url) as driven:
            for one in (first, second):
                driven.store.commit(Batch([one]), NOW)
                driven.drain()
            driven.store.close()
        (line,) = database.lines.values()
        assert "co2_flux@m=-4.0," in line
        assert "version=1i" in line
        if first is old:
            assert "latent_heat_flux@m.flag=9i" in line


def test_lines_keep_their_types_and_need_no_escapes(store: Store, database: FaultyDatabase) -> None:
    odd = {
        "a@b": 5, "c@d": 1e22, "e@f": 1e-7, "g@h": None, "i@j": "a \"quoted\" \\ text,\nwith = all", "k@l": True, "with space, = and\n@x": 1.0, "m@n": "text", "seq": 1.0,
    }  # fmt: skip
    store.commit(Batch([made(1, values=odd, flags={"a@b": 3}, classes={"a@b": 1}, share={"a@b": 1.0})]), NOW)
    with Driven(store, database.url) as driven:
        driven.drain()
    (line,) = database.lines.values()
    body = line.removeprefix("minute,station=st-a ")
    for part in (
        "a@b=5.0", "a@b.flag=3i", "a@b.class=1i", "a@b.share=1.0", "c@d=1.0e+22", "e@f=1.0e-07", "g@h.flag=9i", "m@n.flag=2i", 'k@l.text="true"',
        'i@j.text="a \\"quoted\\" \\\\ text, with = all"', field_name("with space, = and\n@x") + "=1.0", "seq=1i",
    ):  # fmt: skip
        assert f",{part}," in f",{body.rpartition(' ')[0]},", part
    assert "\n" not in line
    assert "g@h=" not in line


@pytest.mark.needs("influxd")
def test_a_text_never_takes_the_field_of_numbers(store: Store, influxd: Influx1) -> None:
    """The first value fixes a field's type for a whole shard: one stray text must not have every number after it refused."""
    odd_event = made(5, stream="event", dt=0, values={"kind": 7, "severity": "info"}, flags={})
    values = ("hot", True, 1.5)
    store.commit(Batch([odd_event, event(6, "boot", {}), *(made(i, values={"a@b": value}) for i, value in enumerate(values))]), NOW)
    with Driven(store, influxd.url) as driven:
        driven.drain()
        assert driven.facts == []
        assert driven.sink.parked == 0


def test_events_of_one_millisecond_stay_apart(store: Store, database: FaultyDatabase) -> None:
    store.commit(Batch([made(i, stream="event", t=T0, dt=0, values={"kind": "x"}, flags={}) for i in range(20)]), NOW)
    with Driven(store, database.url) as driven:
        driven.drain()
    assert len(database.lines) == 20


def test_records_without_a_time_are_passed_over(store: Store, database: FaultyDatabase) -> None:
    store.commit(Batch([made(1, clock="unset", t=5), made(2)]), NOW)
    with Driven(store, database.url) as driven:
        driven.drain()
        assert driven.sink.cursor == store.top_id
    assert numbers(database) == [2]


def test_random_troubles_and_late_rows_leave_nothing_behind(store: Store, database: FaultyDatabase) -> None:
    chance = random.Random(5)
    with Driven(store, database.url, batch=7) as driven:
        for i in range(0, 300, 30):
            store.commit(Batch([made(j) for j in chance.sample(range(i, i + 30), 30)]), NOW)
            database.script = chance.choices([204, 500, 503, DROP, 429], k=6)
            driven.drain()
    assert numbers(database) == list(range(300))
