"""Ingest with real brokers: committed first, acknowledged afterwards, each bad message set aside by itself."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.config import load_config
from collector.errors import CollectorError
from collector.hub import MAX_SERIES, Newest, StationView
from collector.ingest.inbox import Inbox
from collector.ingest.intake import Intake
from collector.ingest.writer import Writer
from collector.store.queries import Reader
from firmware_config.messages import Birth, BirthSeries, CentreState, Live, StationState
from firmware_config.records import content_hash, decode_message, encode_batch, encode_message
from tests.collector.making import HALF_HOUR, MINUTE, T0, made
from tests.collector.running import FixedClock, RunningIngest, ingest, program
from tests.collector.station import TestStation, station
from tests.servers import Mosquitto

mosquitto_needed = pytest.mark.needs("mosquitto")


@pytest.fixture
def running(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[RunningIngest]:
    with ingest(tmp_path / "data", mosquitto.broker) as centre:
        yield centre


@pytest.fixture
def one(mosquitto: Mosquitto) -> Iterator[TestStation]:
    with station(mosquitto.broker) as made_station:
        yield made_station


def stored(data: Path) -> dict[tuple, bytes]:
    reader = Reader(data / "store.db")
    rows = list(reader.connection.execute("select station, stream, epoch, seq, body from records"))
    reader.close()
    assert len({row[:4] for row in rows}) == len(rows)
    return {row[:4]: row[4] for row in rows}


def parked(data: Path) -> dict[str, int]:
    reader = Reader(data / "store.db")
    found = {row["reason"]: row["count"] for row in reader.parked()}
    reader.close()
    return found


def test_records_are_committed_then_acknowledged_as_ranges(tmp_path: Path, mqtt_broker) -> None:
    with station(mqtt_broker.broker) as one, ingest(tmp_path / "data", mqtt_broker.broker) as running:
        one.listening()
        first = [made(i) for i in (0, 1, 2, 7)]
        one.send(first)
        one.until_acked((0, 2), (7, 7))
        one.send([made(i) for i in (3, 4)])
        one.until_acked((0, 4), (7, 7))
        assert stored(tmp_path / "data") == {s.record.key: s.body for s in [*first, made(3), made(4)]}
        notice = running.notice("records")
        assert notice.station == "st-a"
        view = running.hub.stations["st-a"]
        assert view.data_t == T0 + 8 * MINUTE
        assert view.newest["water_temperature@surface"].value == 15.0 + 7 % 7


@mosquitto_needed
def test_what_is_known_already_is_skipped_and_acknowledged_again(running: RunningIngest, one: TestStation) -> None:
    records = [made(i) for i in range(5)]
    one.listening()
    one.send(records)
    one.until_acked((0, 4))
    seen = len(one.acks)
    one.send(records)
    one.until(lambda: len(one.acks) > seen)
    assert one.acked().pairs() == [[0, 4]]
    assert len(stored(running.config.data)) == 5
    assert running.ingest.counts["same"] == 5


@mosquitto_needed
def test_a_known_number_with_other_content_is_kept_beside_and_told_once(running: RunningIngest, one: TestStation) -> None:
    one.listening()
    one.send([made(i) for i in range(3)])
    one.until_acked((0, 2))
    for other in (20.5, 21.5):
        one.send([made(1, values={"water_temperature@surface": other}), made(3)])
    one.until_acked((0, 3))
    running.notice("centre", kind="conflict", stream="minute", seq=1)
    one.send([made(4)])
    one.until_acked((0, 4))
    assert stored(running.config.data)["st-a", "minute", 1, 1] == made(1).body
    reader = Reader(running.config.data / "store.db")
    assert len(reader.conflicts()) == 2
    reader.close()
    assert sum(1 for n in running.notices if n.kind == "centre" and n.payload["kind"] == "conflict") == 1


def _altered(record, **other) -> tuple[str, bytes]:
    """A body with other content under its right hash."""
    body = msgspec.json.encode({**msgspec.json.decode(record.body), **other})
    return content_hash(body), body


GOOD = made(1)
BAD_RECORDS = {
    "bad_hash": ("0" * 32, made(2).body),
    "bad_record": (content_hash(b'{"stream":5}'), b'{"stream":5}'),
    "wrong_station": _altered(made(2), station="st-b"),
    "future": _altered(made(2), t=T0 + 20_000_000 + 600_000),
    "future to its end": _altered(made(2), dt=2**52),
    "bad_record before 1970": _altered(made(2), t=-5),
    "bad_record by its version": _altered(made(2), version=2**70),
    "bad_record by what it replaces": _altered(made(2), replaces=[1, 2**70]),
    "bad_stream": _altered(made(2), stream="../etc"),
    "too_large": _altered(made(2), detail={"x": "y" * 300_000}),
}
BAD_MESSAGES = {
    "not_ours": b"\xff\x00garbage",
    "version": b'{"v":2,"records":[]}',
    "bad_frame": encode_batch([(GOOD.hash, GOOD.body)] * 9, compress=True)[:-9],
    "too_large": b"{" + b" " * 600_000,
}


@mosquitto_needed
@pytest.mark.parametrize("name", BAD_RECORDS)
def test_a_bad_record_is_parked_and_its_neighbours_go_on(running: RunningIngest, one: TestStation, name: str) -> None:
    reason = name.split(maxsplit=1)[0]
    one.listening()
    one.publish("data", encode_batch([(GOOD.hash, GOOD.body), BAD_RECORDS[name], (made(3).hash, made(3).body)]))
    one.until_acked((1, 1), (3, 3))
    running.notice("centre", kind="parked", reason=reason)
    assert parked(running.config.data) == {reason: 1}
    assert set(stored(running.config.data)) == {made(1).record.key, made(3).record.key}


@mosquitto_needed
def test_messages_that_are_not_ours_are_parked_told_once_and_stop_nothing(running: RunningIngest, one: TestStation) -> None:
    one.listening()
    for payload in BAD_MESSAGES.values():
        for _ in range(3):
            one.publish("data", payload)
    one.session.publish("ht/1/no such station/data", b"{}")
    one.publish("birth", b"[]")
    one.publish("live", b"nothing", qos=0)
    one.send([GOOD])
    one.until_acked((1, 1))
    for reason in (*BAD_MESSAGES, "bad_topic"):
        running.notice("centre", kind="parked", reason=reason)
    assert {r: n for r, n in parked(running.config.data).items() if r in BAD_MESSAGES and r != "not_ours"} == {
        "version": 3,
        "bad_frame": 3,
        "too_large": 3,
    }
    told = [(n.station, n.payload["reason"]) for n in running.notices if n.kind == "centre"]
    assert len(told) == len(set(told))


@mosquitto_needed
def test_a_record_of_the_future_is_taken_when_its_time_has_come(tmp_path: Path, mosquitto: Mosquitto) -> None:
    clock = FixedClock()
    with ingest(tmp_path / "data", mosquitto.broker, clock) as running, station(mosquitto.broker) as one:
        early = made(1, t=clock.at_ms + 2 * HALF_HOUR)
        one.listening()
        one.send([early])
        running.notice("centre", kind="parked", reason="future")
        clock.at_ms += 2 * HALF_HOUR
        one.send([early])
        one.until_acked((1, 1))
        clock.clock_quality = "unset"  # a centre that does not know the time judges nobody's
        one.send([made(2, t=clock.at_ms + 10**9)])
        one.until_acked((1, 2))


@mosquitto_needed
def test_a_wrong_clock_does_not_outlive_its_correction_in_live_values(running: RunningIngest, one: TestStation) -> None:
    """A value stamped an hour ahead would stay the newest, and the data young, until the true time has caught up."""
    now = running.clock.at_ms
    one.listening()
    one.say("live", Live(t=now + 3_600_000, clock="synchronised", values={"water_temperature@surface": 99.0}, simulated=True))
    running.notice("centre", kind="parked", reason="future")
    one.say("live", Live(t=now, clock="synchronised", values={"water_temperature@surface": 15.0}, simulated=True))
    running.notice("live")
    view = running.hub.stations["st-a"]
    assert view.newest["water_temperature@surface"].value == 15.0
    assert view.data_t == now


def test_names_made_up_by_a_station_do_not_fill_the_memory() -> None:
    view = StationView("st-a")
    for i in range(MAX_SERIES + 10):
        view.take(f"q{i}@p", Newest(1, 1.0, 1, "live"))
    view.take("q0@p", Newest(2, 2.0, 1, "live"))
    assert len(view.newest) == MAX_SERIES
    assert view.newest["q0@p"].value == 2.0


@mosquitto_needed
def test_a_production_centre_refuses_what_a_simulator_made(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with ingest(tmp_path / "data", mosquitto.broker, accept_simulated=False) as running, station(mosquitto.broker) as one:
        one.listening()
        one.say("birth", Birth(station="st-a", t=T0, software="1", config_hash="x", simulated=True), retain=True)
        one.say("live", Live(t=T0, clock="synchronised", values={"a@b": 1.0}, simulated=True))
        one.send([made(1), made(2, simulated=False)])
        one.until_acked((2, 2))
        running.notice("centre", kind="parked", reason="simulated")
        assert parked(running.config.data)["simulated"] >= 1
        assert running.hub.station("st-a").birth is None
        assert running.hub.station("st-a").live is None


@mosquitto_needed
def test_only_listed_stations_are_heard(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with (
        ingest(tmp_path / "data", mosquitto.broker, stations=["st-a"]) as running,
        station(mosquitto.broker) as one,
        station(mosquitto.broker, "st-x") as stranger,
    ):
        stranger.listening()
        stranger.send([made(1, station="st-x")])
        assert running.notice("centre", kind="parked", reason="unknown_station").station == ""
        one.send([made(1)])
        one.until_acked((1, 1))
        assert set(stored(running.config.data)) == {made(1).record.key}
        assert "st-x" not in running.hub.stations


@mosquitto_needed
def test_state_birth_and_live_reach_the_hub_and_births_survive(tmp_path: Path, mosquitto: Mosquitto) -> None:
    birth = Birth(
        station="st-a", t=T0, software="9.9", config_hash="x", series={"a@b": BirthSeries(unit="m")}, site={"type": "FeatureCollection"}
    )
    with ingest(tmp_path / "data", mosquitto.broker) as running, station(mosquitto.broker) as one:
        one.listening()
        one.say("state", StationState(state="online", t=T0), retain=True)
        one.say("birth", birth, retain=True)
        one.publish(
            "live", encode_message(Live(t=T0, clock="synchronised", values={"a@b": 2.5}, flags={"a@b": 1}, ages_s={"a@b": 3.0})), qos=0
        )
        running.notice("live")
        view = running.hub.stations["st-a"]
        assert (view.state.state, view.birth, view.newest["a@b"].value, view.newest["a@b"].t) == ("online", birth, 2.5, T0 - 3000)
        assert view.data_t == T0 - 3000
        one.send([made(1)])
        one.until_acked((1, 1))
    mosquitto.kill()
    mosquitto.start()
    with ingest(tmp_path / "data", mosquitto.broker) as running:
        assert running.hub.stations["st-a"].birth == birth
        assert running.hub.stations["st-a"].newest["water_temperature@surface"].value == 16.0


@mosquitto_needed
def test_the_centre_says_when_it_listens_and_when_it_is_gone(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with station(mosquitto.broker) as one:
        since = []
        for _ in range(2):
            with program(tmp_path, mosquitto.broker) as centre:
                seen = len(one.states)
                one.until(lambda seen=seen: len(one.states) > seen and one.states[-1].state == "listening")
                since.append(one.states[-1].since)
                assert centre.end(signal.SIGTERM) == 0
                one.until(lambda: one.states[-1].state == "gone")
        assert since[1] > since[0]
        with program(tmp_path, mosquitto.broker) as centre:
            one.until(lambda: one.states[-1].state == "listening")
            centre.end(signal.SIGKILL)
            one.until(lambda: one.states[-1].state == "gone")  # its last will
    assert isinstance(one.states[-1], CentreState)


@mosquitto_needed
def test_a_station_is_told_the_whole_state_after_every_return_of_centre_or_broker(tmp_path: Path, mosquitto: Mosquitto) -> None:
    data = tmp_path / "data"
    with station(mosquitto.broker) as one:
        with ingest(data, mosquitto.broker):
            one.listening()
            one.send([made(i) for i in range(4)])
            one.until_acked((0, 3))
            mosquitto.kill()
            one.change(one.acks.clear)
            mosquitto.start()
            one.until_acked((0, 3))
        for file in data.glob("store.db*"):
            file.unlink()  # as if an older backup had been restored: here, an empty one
        one.change(one.acks.clear)
        with ingest(data, mosquitto.broker):
            one.listening()
            one.say("state", StationState(state="online", t=T0), retain=True)
            one.until(lambda: one.acks and one.acks[-1].streams == {}, "an empty acknowledgement")
            one.send([made(i) for i in range(4)])
            one.until_acked((0, 3))


@mosquitto_needed
def test_a_centre_without_room_acknowledges_nothing_and_catches_up_by_itself(running: RunningIngest, one: TestStation) -> None:
    one.listening()
    one.send([made(1)])
    one.until_acked((1, 1))
    store = running.ingest.writer.store
    store.reserve_bytes, store.free_bytes = 1_000, lambda: 999
    seen = len(one.acks)
    one.send([made(2)])
    one.until(lambda: one.states[-1].state == "full", "the state full")
    running.notice("centre", kind="disk_full")
    assert running.ingest.status()["state"] == "full"
    one.send([made(3)])
    assert len(one.acks) == seen
    store.free_bytes = lambda: 1_000
    one.until_acked((1, 3))
    one.until(lambda: one.states[-1].state == "listening")
    running.notice("centre", kind="disk_ok")


@mosquitto_needed
def test_a_spoilt_row_that_nobody_reads_is_noticed_and_asked_for_again(running: RunningIngest, one: TestStation) -> None:
    records = [made(i) for i in range(60)]
    one.listening()
    one.send(records)
    one.until_acked((0, 59))
    list(running.ingest.writer.store._db.execute("pragma wal_checkpoint(truncate)"))
    path = running.config.data / "store.db"
    at = path.read_bytes().index(b'"seq":30')
    with path.open("r+b") as file:
        file.seek(at + 6)
        file.write(b"77")
    running.notice("centre", kind="store_damaged", count=1)
    one.until_acked((0, 29), (31, 59))


@mosquitto_needed
def test_a_store_damaged_while_running_is_salvaged_and_refilled(running: RunningIngest, one: TestStation) -> None:
    records = [made(i, detail={"padding": f"{i:04d}" * 300}) for i in range(60)]
    one.listening()
    one.send(records)
    one.until_acked((0, 59))
    path = running.config.data / "store.db"
    list(running.ingest.writer.store._db.execute("pragma wal_checkpoint(truncate)"))
    content = path.read_bytes()
    at = content.index(b'"seq":30')
    with path.open("r+b") as file:
        file.seek(at + 6)
        file.write(b"77")
    reader_sees = running.call(running.centre.reader.run(lambda r: sum(1 for _ in r.records("st-a", "minute", 0, T0 * 2))))
    assert reader_sees == 59
    running.notice("centre", kind="store_damaged", count=1)
    one.until_acked((0, 29), (31, 59))
    one.send([records[30]])
    one.until_acked((0, 59))
    assert stored(running.config.data) == {r.record.key: r.body for r in records}


def test_nothing_is_lost_or_doubled_when_the_centre_is_killed_amid_ingest(tmp_path: Path, mqtt_broker) -> None:
    """The station sends what is not acknowledged; the broker delivers again what was not; the store holds each once."""
    rounds, each = 4, 2000
    records = [made(i) for i in range(rounds * each)]
    killed_amid = 0
    with station(mqtt_broker.broker) as one, program(tmp_path, mqtt_broker.broker) as centre:
        for turn in range(1, rounds + 1):
            one.until(lambda: one.states and one.states[-1].state == "listening", "the centre listening")
            done = one.acked()
            missing = [record for record in records[: turn * each] if record.record.seq not in done]
            for i in range(0, len(missing), 10):
                one.session.publish("ht/1/st-a/data", encode_batch([(r.hash, r.body) for r in missing[i : i + 10]]))
            if turn < rounds:
                one.until(lambda done=done: len(one.acked()) > len(done), "an acknowledgement")
                centre.end(signal.SIGKILL)
                killed_amid += len(one.acked()) < turn * each
                one.change(one.states.clear)
                centre.start()
        one.until_acked((0, len(records) - 1))
        assert centre.end(signal.SIGTERM) == 0
    assert killed_amid
    assert stored(tmp_path / "data") == {r.record.key: r.body for r in records}


def test_a_store_that_cannot_be_opened_is_said_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("a file in the place of the folder")
    with pytest.raises(CollectorError, match="the store cannot be opened"):
        Writer(
            centre="centre",
            path=folder / "store.db",
            settings=load_config(None, data=str(tmp_path)).store,
            inbox=Inbox(max_bytes=1, group_s=0.1, group_messages=1),
            intake=Intake(centre="centre", accept_simulated=True, future_ms=0, stations=None, max_stations=1),
            clock=FixedClock(),
            tell=lambda news: None,
        )


@mosquitto_needed
def test_two_collectors_do_not_share_a_data_folder(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with station(mosquitto.broker) as one, program(tmp_path, mosquitto.broker):
        one.listening()
        with program(tmp_path, mosquitto.broker) as second:
            assert second.process.wait(30) == 2
            assert "in use by another collector" in second.log.read_text()


def test_centre_state_is_what_stations_read() -> None:
    assert decode_message(encode_message(CentreState(state="full", t=1, since=2)), CentreState).state == "full"
