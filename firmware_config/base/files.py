"""Reading a file that a person named: what is no file, or is far too large for its purpose, is refused instead of read for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, most_bytes: int) -> bytes:
    """The whole of a regular file; OSError, with EFBIG where it has more than ``most_bytes``."""
    # Looked at before it is opened: to open a device is to touch it. Opened without waiting, should a FIFO have taken its place since.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        data = file.read(most_bytes + 1)  # a size that is asked for first may be wrong by then, and in /proc always is
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"larger than {most_bytes} bytes", str(path))
    return data
