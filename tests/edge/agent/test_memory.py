"""What an instrument must not forget survives a restart; nothing that is wrong with its file stops a station."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from edge.agent.memory import InstrumentMemory


def test_a_memory_survives_and_is_written_once(tmp_path: Path) -> None:
    kept = {"blank": {"t_ms": 1_790_000_000_000, "ratio_434": 0.71}}
    first = InstrumentMemory(tmp_path / "instruments")
    assert first.recall("pco2") == {}
    first.keep("pco2", kept)
    file = tmp_path / "instruments" / "pco2.json"
    written = file.stat().st_mtime_ns
    first.keep("pco2", json.loads(json.dumps(kept)))
    assert file.stat().st_mtime_ns == written, "the same memory is not written again"
    again = InstrumentMemory(tmp_path / "instruments")
    assert again.recall("pco2") == kept
    again.keep("pco2", kept)
    assert file.stat().st_mtime_ns == written


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_a_damaged_file_is_an_empty_memory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pco2.json").write_bytes(content)
    memory = InstrumentMemory(tmp_path)
    assert memory.recall("pco2") == {}
    memory.keep("pco2", {"blank": 1})
    assert InstrumentMemory(tmp_path).recall("pco2") == {"blank": 1}


def test_a_place_that_cannot_be_written_costs_the_memory_alone(tmp_path: Path) -> None:
    (tmp_path / "instruments").write_text("a file where the folder should be")
    memory = InstrumentMemory(tmp_path / "instruments")
    memory.keep("pco2", {"blank": 1})
    assert memory.recall("pco2") == {}


def test_without_a_folder_nothing_is_kept() -> None:
    memory = InstrumentMemory(None)
    memory.keep("pco2", {"blank": 1})
    assert memory.recall("pco2") == {}


def test_a_slow_disk_holds_up_only_the_worker(tmp_path: Path) -> None:
    """While the worker is busy nothing is on disk and nobody waits; what fails is written with the next reading."""
    busy, folder = Event(), tmp_path / "instruments"
    with ThreadPoolExecutor(1) as worker:
        worker.submit(busy.wait)
        memory = InstrumentMemory(folder, worker)
        memory.keep("pco2", {"blank": 1})
        assert not folder.exists()
        busy.set()
    assert InstrumentMemory(folder).recall("pco2") == {"blank": 1}
    folder.rename(tmp_path / "away")
    folder.write_text("a file where the folder should be")
    memory = InstrumentMemory(folder)
    memory.keep("pco2", {"blank": 2})
    folder.unlink()
    memory.keep("pco2", {"blank": 2})
    assert InstrumentMemory(folder).recall("pco2") == {"blank": 2}
