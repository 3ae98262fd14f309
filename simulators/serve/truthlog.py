"""What really happened in the world, as JSON lines: faults begun and ended, recordings played, the scenario and when it begins, and of each
half-hour the true fluxes (``eddy``; none where a recording played) and the mean of everything (``state``; names and units are those of
`world.TRUTH_UNITS`, without the air of a recording).

One object a line with ``t`` (world UTC ms), ``what`` and its facts. Only appended to; a line that cannot be written is dropped with
one warning, the world goes on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firmware_config.base import log

logger = log.get(__name__)


class TruthLog:
    """Appends to one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed = False

    def note(self, t_ms: float, what: str, **facts: Any) -> None:
        """Write one line now."""
        line = json.dumps({"t": int(t_ms), "what": what, **facts}, ensure_ascii=False)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            self._failed = False
        except OSError as error:
            if not self._failed:
                logger.error("the truth log cannot be written", path=str(self._path), problem=str(error))
            self._failed = True
