"""Folders of the raw archive: names, marks by place, and room."""

from __future__ import annotations

from collections import namedtuple

import pytest

from edge.archive.names import window_name
from edge.archive.pack import pack
from edge.archive.store import RawStore
from tests.edge.archive.files import START_MS, header, write

Disk = namedtuple("Disk", "total free")


def finished(store, count):
    """``count`` packed files of successive minutes in their month."""
    paths = []
    for i in range(count):
        head = header(name=window_name("buoy", START_MS + i * 60_000), start_ms=START_MS + i * 60_000)
        live = write(store.folder / "live", [range(20 * i, 20 * i + 100)], head=head)
        packed = pack(live, store.pending_path(head.name))
        live.unlink()
        paths.append(store.finish(packed.path))
    return paths


def of_1000_bytes(store, count):
    """``count`` files of the same size in their month."""
    paths = [store.archived_path(window_name("buoy", START_MS + i * 60_000)) for i in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(1000))
    return paths


def test_names_begin_with_station_and_start():
    assert window_name("zhoushan-buoy", START_MS) == "zhoushan-buoy_20261122T1100"
    assert window_name("a", START_MS + 5_000) == "a_20261122T110005"
    assert window_name("a", 3_600_000, "47d60bf7-b044") == "a_boot47d60bf7_000003600"


def test_a_file_goes_from_live_to_pending_to_its_month(tmp_path):
    store = RawStore(tmp_path / "raw")
    (path,) = finished(store, 1)
    assert path == tmp_path / "raw" / "2026-11" / "buoy_20261122T1100.ghg"
    assert store.left_live() == store.left_pending() == []
    assert list(store.archived()) == [path]


def test_a_taken_name_gets_a_letter(tmp_path):
    store = RawStore(tmp_path / "raw")
    finished(store, 1)
    assert store.free_name("buoy_20261122T1100") == "buoy_20261122T1100-b"
    assert store.free_name("buoy_20261122T1130") == "buoy_20261122T1130"


def test_half_written_packings_are_swept(tmp_path):
    store = RawStore(tmp_path / "raw")
    store.pending_path("x").parent.mkdir(parents=True)
    store.pending_path("x").with_suffix(".new").write_bytes(b"half")
    store.sweep()
    assert not list((tmp_path / "raw").rglob("*.new"))


def test_over_the_quota_the_oldest_the_centre_knows_go_first(tmp_path):
    store = RawStore(tmp_path / "raw")
    paths = of_1000_bytes(store, 5)
    freed = store.make_room(3_500, lambda path: path not in paths[:2])
    assert [one.name for one in freed] == [path.stem for path in paths[2:4]]
    assert all(one.acknowledged for one in freed)


def test_when_the_centre_knows_too_few_the_oldest_others_go_and_it_is_said(tmp_path):
    store = RawStore(tmp_path / "raw")
    paths = of_1000_bytes(store, 4)
    freed = store.make_room(1_000, lambda path: path == paths[3])
    assert [(one.name, one.acknowledged) for one in freed] == [(paths[3].stem, True), (paths[0].stem, False), (paths[1].stem, False)]


def test_within_quota_nothing_is_deleted(tmp_path):
    store = RawStore(tmp_path / "raw")
    of_1000_bytes(store, 3)
    assert store.make_room(10**9, lambda path: True) == []


@pytest.mark.parametrize(("total", "free", "room"), [(16e9, 1e9, 0.9e9), (100e6, 10e6, 8e6), (16e9, 50e6, -50e6)])
def test_the_last_part_of_the_disk_is_left_alone(tmp_path, total, free, room):
    assert RawStore(tmp_path / "raw", disk=lambda path: Disk(int(total), int(free))).room_bytes() == int(room)


def test_a_disk_nearly_full_is_relieved_of_old_files(tmp_path):
    free = [50_000_000]
    store = RawStore(tmp_path / "raw", disk=lambda path: Disk(16_000_000_000, free[0]))
    paths = of_1000_bytes(store, 3)
    freed = store.make_room(10**12, lambda path: True)
    assert [one.name for one in freed] == [path.stem for path in paths]


def test_a_damaged_file_is_kept_out_of_the_way(tmp_path):
    store = RawStore(tmp_path / "raw")
    store.live_path("x").parent.mkdir(parents=True)
    store.live_path("x").write_bytes(b"?")
    kept = store.set_aside(store.live_path("x"))
    assert kept.read_bytes() == b"?"
    assert store.left_live() == []
    assert list(store.archived()) == []
