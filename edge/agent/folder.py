"""The station's data folder: one agent at a time, and a note of how the last one ended.

DATA/lock       held while an agent runs
DATA/run.json   boot id, start and whether the stop was clean
DATA/outbox/    see `edge.outbox`
DATA/raw/PLACE/ see `edge.archive.store`
DATA/eddy/PLACE/ see `edge.agent.learning`
DATA/instruments/ see `edge.agent.memory`
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any, TextIO

from edge.archive.live import sync_folder
from edge.errors import AgentError


class DataFolder:
    """The locked data folder. AgentError when another agent has it or it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock: TextIO = (self.path / "lock").open("w")
        except OSError as error:
            raise AgentError(f"the data folder {self.path} cannot be written: {error}; choose another with --data") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise AgentError(f"another agent uses the data folder {self.path}; stop it, or choose another with --data") from error
        self.previous = self._read()

    @property
    def outbox(self) -> Path:
        return self.path / "outbox"

    @property
    def instruments(self) -> Path:
        return self.path / "instruments"

    def raw(self, place: str) -> Path:
        return self.path / "raw" / place

    def eddy(self, place: str) -> Path:
        return self.path / "eddy" / place

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def last_stop(self) -> str:
        """How the run before this one ended: ``clean``, ``unclean`` or ``none`` (there was none)."""
        return "none" if not self.previous else "clean" if self.previous.get("clean") else "unclean"

    def note(self, **facts: Any) -> None:
        """Write ``run.json`` (best effort: a full disk must not keep the agent from running)."""
        new = self.path / "run.json.new"
        try:
            with new.open("w", encoding="utf-8") as file:
                json.dump(facts, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path / "run.json")
            sync_folder(self.path)
        except OSError:
            new.unlink(missing_ok=True)

    def close(self) -> None:
        self._lock.close()
