"""Room: what is freed first, what is never dropped, what is said of it, and that a full disk is an episode, not an end."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge.errors import OutboxError
from firmware_config.streams import DROP_ORDER
from tests.edge.outbox.bench import HandClock, ack, covered, crash, draft, events, open_outbox, rows

QUOTA = 1_200_000


def fill(outbox, clock, count, streams=("minute", "health", "eddy"), size=1500, begin=0):
    """Commit ``count`` rounds of one record per stream; returns the keys of what was stored."""
    keys = []
    for n in range(begin, begin + count):
        clock.pass_s(60)
        keys += [
            (s.record.stream, s.record.epoch, s.record.seq) for s in outbox.commit([draft(stream, n, size=size) for stream in streams])
        ]
    return keys


def test_acknowledged_records_go_first_oldest_first_and_nothing_is_lost(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock, quota=QUOTA) as outbox:
        keys = []
        for begin in range(0, 1000, 50):
            keys += fill(outbox, clock, 50, begin=begin)
            outbox.apply_ack(ack(keys, clock.ms))
        kept = rows(tmp_path)
        assert not events(tmp_path, "records_lost")
        for stream in ("minute", "health", "eddy"):
            seqs = sorted(key[2] for key in kept if key[0] == stream)
            assert seqs == list(range(seqs[0], 1000)), "what is kept is the newest, without gaps"
        assert (tmp_path / "outbox.db").stat().st_size <= QUOTA


def test_acknowledged_records_stay_while_there_is_room(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock) as outbox:
        keys = fill(outbox, clock, 20)
        outbox.apply_ack(ack(keys, clock.ms))
        for _ in range(3):
            outbox.tend()
        assert set(keys) == rows(tmp_path).keys()


def test_unacknowledged_records_are_dropped_by_order_and_declared_never_eddy_or_event(tmp_path):
    clock = HandClock()
    streams = (*DROP_ORDER, "eddy", "event")
    with open_outbox(tmp_path, clock, quota=QUOTA) as outbox:
        given = set(fill(outbox, clock, 150, streams, size=1500))
        clock.pass_s(700)
        outbox.tend()
        clock.pass_s(700)
        outbox.tend()
        epoch = outbox.epoch
    kept = rows(tmp_path).keys()
    lost = given - kept
    said = events(tmp_path, "records_lost")
    for stream in streams:
        assert covered(said, stream, epoch) >= {seq for s, _, seq in lost if s == stream}
    assert not {key for key in lost if key[0] in ("eddy", "event")}
    share = {stream: sum(key[0] == stream for key in kept) for stream in DROP_ORDER}
    first_kept = next(stream for stream in DROP_ORDER if share[stream])
    for stream in DROP_ORDER[: DROP_ORDER.index(first_kept)]:
        assert share[stream] == 0
    assert len(said) < 60, "losses are merged, not one event each"
    assert all(detail["reason"] == "no_room" and detail["count"] for detail in said)
    assert (tmp_path / "outbox.db").stat().st_size <= QUOTA


def test_drops_are_oldest_first(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock, quota=QUOTA) as outbox:
        fill(outbox, clock, 1500, ("minute",), size=1000)
    seqs = sorted(key[2] for key in rows(tmp_path) if key[0] == "minute")
    assert seqs == list(range(seqs[0], 1500))
    assert seqs[0] > 0


def test_a_drop_declared_late_survives_a_kill(tmp_path):
    clock = HandClock()
    outbox = open_outbox(tmp_path, clock, quota=QUOTA)
    fill(outbox, clock, 700, ("minute",), size=2000)
    dropped = set(range(700)) - {key[2] for key in rows(tmp_path) if key[0] == "minute"}
    epoch = outbox.epoch
    crash(outbox)
    with open_outbox(tmp_path, clock, quota=QUOTA):
        pass
    assert dropped <= covered(events(tmp_path, "records_lost"), "minute", epoch)


def test_repeated_events_are_counted_in_one_while_there_is_no_room(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock, quota=QUOTA) as outbox:
        fill(outbox, clock, 700, ("minute",), size=2000)
        for n in range(500):
            outbox.commit([draft("event", n, values={"kind": "link_lost", "severity": "warning"}, detail={"link": "rs485", "n": n})])
        outbox.commit([draft("event", 900, values={"kind": "link_lost", "severity": "warning"}, detail={"link": "sonic"})])
        assert len(events(tmp_path, "link_lost")) == 2, "one for each link"
        outbox.apply_ack(ack(rows(tmp_path), clock.ms))
        fill(outbox, clock, 100, ("minute",), size=2000, begin=2000)
        outbox.tend()
        (again,) = [detail for detail in events(tmp_path, "link_lost") if "repeats" in detail]
        assert (again["repeats"], again["link"], again["n"]) == (499, "rs485", 499)


def test_full_of_what_may_never_be_dropped_new_records_wait_in_memory_and_come_through_later(tmp_path):
    clock = HandClock()
    heard = []
    with open_outbox(tmp_path, clock, quota=400_000, on_event=heard.append) as outbox:
        keys = fill(outbox, clock, 300, ("eddy",), size=1500)
        stats = outbox.stats()
        assert not stats.disk_ok
        assert stats.queued >= 300 - len(keys)
        assert set(keys) <= rows(tmp_path).keys()
        seen = set(keys)
        for _ in range(4):  # the centre takes what there is; what was kept in memory moves up
            seen |= rows(tmp_path).keys()
            outbox.apply_ack(ack(seen, clock.ms))
            outbox.tend()
        stats = outbox.stats()
        assert stats.disk_ok
        assert stats.queued == 0
        seen = {key for key in seen | rows(tmp_path).keys() if key[0] == "eddy"}
        assert {seq for _, _, seq in seen} == set(range(300))
        assert {"outbox_disk_full", "outbox_disk_ok"} <= {event.values["kind"] for event in heard}


def test_what_overflows_the_memory_is_counted_and_declared(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock, quota=300_000) as outbox:
        outbox._engine.queue._most_drafts = 50
        stored = fill(outbox, clock, 300, ("eddy",), size=1500)
        overflow = outbox.stats().undeclared_losses
        assert overflow > 0
        outbox.apply_ack(ack(rows(tmp_path), clock.ms))
        clock.pass_s(700)
        outbox.tend()
        outbox.tend()
        lost = [detail for detail in events(tmp_path, "records_lost") if detail["reason"] == "disk_full"]
        assert sum(detail["count"] for detail in lost) == overflow
        eddy = {key for key in rows(tmp_path) if key[0] == "eddy"} | set(stored)
        lost_eddy = sum(detail["count"] for detail in lost if detail["stream"] == "eddy")
        assert len(eddy) == 300 - lost_eddy, "stored or counted as lost: every record"


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 10 MB, where this may be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("no right to mount a small file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def hog(folder: Path) -> Path:
    """Take all that is left of the disk."""
    path = folder / "hog"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"h" * size)
            except OSError:
                continue
    return path


def test_a_disk_filled_by_others_loses_nothing_and_recovers_by_itself(tiny_disk):
    folder, clock = tiny_disk / "outbox", HandClock()
    with open_outbox(folder, clock) as outbox:
        keys = set(fill(outbox, clock, 100, ("minute",)))
        filler = hog(tiny_disk)
        keys |= set(fill(outbox, clock, 900, ("minute",), begin=100))
        assert not outbox.stats().disk_ok
        assert not (folder / "ballast").exists(), "the ballast was given up"
        assert keys <= rows(folder).keys()
        filler.unlink()
        outbox.tend()
        outbox.tend()
        assert outbox.stats().disk_ok
        assert {key[2] for key in rows(folder) if key[0] == "minute"} == set(range(1000))
        assert (folder / "ballast").exists()


def test_acknowledged_records_can_be_freed_on_a_full_disk(tiny_disk):
    folder, clock = tiny_disk / "outbox", HandClock()
    with open_outbox(folder, clock) as outbox:
        keys = fill(outbox, clock, 300, ("minute",))
        hog(tiny_disk)
        outbox.apply_ack(ack(keys, clock.ms))
        later = []
        for n in range(300, 900):
            later += outbox.commit([draft("minute", n, size=1500)])
            if n % 50 == 0:
                outbox.apply_ack(ack([*keys, *rows(folder)], clock.ms))
        outbox.apply_ack(ack([*keys, *rows(folder)], clock.ms))
        outbox.tend()
        assert outbox.stats().queued == 0
        assert outbox.stats().undeclared_losses == 0


def test_an_outbox_opens_on_a_full_disk(tiny_disk):
    folder, clock = tiny_disk / "outbox", HandClock()
    with open_outbox(folder, clock) as outbox:
        keys = set(fill(outbox, clock, 100, ("minute",)))
    filler = hog(tiny_disk)
    with open_outbox(folder, clock) as outbox:
        assert keys <= rows(folder).keys()
        filler.unlink()
        (sealed,) = outbox.commit([draft("minute", 5000)])
        assert sealed.record.seq >= 100


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def test_a_read_only_disk_is_said_in_words_at_the_start(tiny_disk):
    folder = tiny_disk / "outbox"
    open_outbox(folder).close()
    remount(tiny_disk, "ro")
    try:
        with pytest.raises(OutboxError, match=r"cannot be (written|opened)"):
            open_outbox(folder)
    finally:
        remount(tiny_disk, "rw")
    open_outbox(folder).close()
