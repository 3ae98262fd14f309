"""A full disk, honestly: a file that takes all room of the file system the station's data are on.

Meant for a small file system made for the purpose (a tmpfs, a loop device). One larger than `LARGEST_BYTES` is refused: the bench
never fills the disk of the machine it runs on.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from simulators.errors import SimulatorError

LARGEST_BYTES = 1_000_000_000
STEP_BYTES = 1 << 20


class Ballast:
    """``fill`` until so many bytes are left, ``release`` to give the room back."""

    def __init__(self, directory: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        self._file = directory / ".ballast"
        self._largest = largest_bytes

    def fill(self, leave_bytes: int = 0) -> int:
        """Take all free room but ``leave_bytes``; returns the bytes taken. SimulatorError when the file system is too large for this."""
        status = os.statvfs(self._file.parent)
        if status.f_blocks * status.f_frsize > self._largest:
            raise SimulatorError(
                f"{self._file.parent} lies on a file system of {status.f_blocks * status.f_frsize // 10**6} MB; full_disk fills only "
                f"small ones (up to {self._largest // 10**6} MB): put the station's data on a tmpfs of its own"
            )
        taken = 0
        with self._file.open("ab") as file:
            for step in (STEP_BYTES, 4096, 256, 1):
                with contextlib.suppress(OSError):
                    while (room := self._free() - leave_bytes) > 0:
                        piece = min(step, room)
                        taken += self._write(file.fileno(), piece)
        return taken

    def release(self) -> None:
        """Give the room back."""
        self._file.unlink(missing_ok=True)

    def _free(self) -> int:
        status = os.statvfs(self._file.parent)
        return status.f_bavail * status.f_frsize

    @staticmethod
    def _write(descriptor: int, size: int) -> int:
        done = os.write(descriptor, b"\0" * size)
        if not done:
            raise OSError(errno.ENOSPC, "disk full")
        return done
