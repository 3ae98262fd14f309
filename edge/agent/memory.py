"""What instruments must not forget over a restart (the blank of a pCO2 sensor is measured once in days), one small file an instrument.

Promises: a file is whole or the old one; a damaged or missing one is an empty memory; a disk that cannot be written costs the memory, never
a reading, and one that is slow holds up no reading (with a ``worker``, which writes). Not here: what is worth keeping (the decoders know).
"""

from __future__ import annotations

import json
import os
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from firmware_config.base import log

logger = log.get(__name__)
MAX_BYTES = 64 * 1024


class InstrumentMemory:
    """The memories of a station's instruments in a folder; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, worker: Executor | None = None) -> None:
        self._folder = folder
        self._worker = worker
        self._kept: dict[str, dict[str, Any]] = {}
        self._failed = False

    def recall(self, instrument: str) -> dict[str, Any]:
        """What was kept last; empty when there is nothing that reads."""
        if self._folder is None:
            return {}
        try:
            with self._path(instrument).open("rb") as file:
                found = json.loads(file.read(MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        memory = found if isinstance(found, dict) else {}
        self._kept[instrument] = memory
        return memory

    def keep(self, instrument: str, memory: dict[str, Any]) -> None:
        """Write a memory down if it differs from the one kept; what could not be written is tried again with the next."""
        if self._folder is None or not memory or self._kept.get(instrument, {}) == memory:
            return
        try:
            text = json.dumps(memory)
        except (ValueError, TypeError) as error:
            self._tell(instrument, error)
            return
        self._kept[instrument] = json.loads(text)
        if self._worker is None:
            self._write(instrument, text)
        else:
            self._worker.submit(self._write, instrument, text)

    def _write(self, instrument: str, text: str) -> None:
        path = self._path(instrument)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(".new")
            with new.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            self._kept.pop(instrument, None)
            self._tell(instrument, error)
            return
        self._failed = False

    def _tell(self, instrument: str, error: Exception) -> None:
        if not self._failed:
            logger.warning("memory of an instrument could not be kept", instrument=instrument, problem=str(error))
        self._failed = True

    def _path(self, instrument: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{instrument}.json"
