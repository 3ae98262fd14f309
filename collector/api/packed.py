"""Text files of the page, compressed once and kept: a station's mobile link carries a third of the bytes."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

TEXT: Mapping[str, str] = MappingProxyType(
    {
        ".js": "text/javascript",
        ".css": "text/css",
        ".html": "text/html",
        ".svg": "image/svg+xml",
        ".txt": "text/plain",
        ".json": "application/json",
    }
)
"""suffix → content type of what is worth compressing"""
MAX_PACKED = 200
MAX_PACKED_BYTES = 4_000_000


@dataclass
class Packed:
    """The compressed files of one folder, bounded in number and size; one that changed on the disk is compressed anew."""

    _files: dict[Path, tuple[int, bytes, str]] = field(default_factory=dict)

    async def file(self, path: Path) -> tuple[bytes, str] | None:
        """``(gzip, entity tag)`` of a text file; None for what is better sent as it is."""
        return await asyncio.to_thread(self._file, path) if path.suffix in TEXT else None

    def _file(self, path: Path) -> tuple[bytes, str] | None:
        status = path.stat()
        known = self._files.get(path)
        if known is None or known[0] != status.st_mtime_ns:
            if status.st_size > MAX_PACKED_BYTES:
                return None
            body = gzip.compress(path.read_bytes(), 9, mtime=0)
            if len(self._files) >= MAX_PACKED:
                self._files.clear()
            known = self._files[path] = (status.st_mtime_ns, body, f'"{blake2b(body, digest_size=8).hexdigest()}"')
        return known[1], known[2]
