"""Work for a pool that goes wrong in every way a file can make it go wrong. Light, so that workers are there at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def work(path: Path) -> str:
    """The file's name, unless it says otherwise."""
    if path.name == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if path.name == "raises":
        raise RuntimeError("no such luck")
    return path.name
