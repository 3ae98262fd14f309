"""Who may log in: a small file of names and argon2 hashes, owner-readable only, replaced as a whole.

Used by the running centre (which reads the file again when it changes) and by ``haitan-collector user``. A password is never stored, logged
or put on a command line. Checking costs tens of milliseconds and as many megabytes by design: call `Users.check` in a thread.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from collector.errors import UserError

NAME = re.compile(r"[^\s\x00-\x1f/\\\"'<>]{1,60}\Z")
MIN_PASSWORD, MAX_PASSWORD = 10, 200
MAX_USERS = 1_000


class Users:
    """The users of one centre."""

    def __init__(self, path: Path, hasher: PasswordHasher | None = None) -> None:
        self.path = path
        self._hasher = hasher or PasswordHasher()
        self._stamp: tuple[int, int] | None = None
        self._hashes: dict[str, str] = {}
        self._decoy: str | None = None

    def _read(self) -> dict[str, str]:
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                found = json.loads(self.path.read_text(encoding="utf-8"))["users"]
                self._hashes = {str(name): str(row["argon2"]) for name, row in found.items()}
                self._stamp = stamp
        except FileNotFoundError:
            self._hashes, self._stamp = {}, None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{self.path}: not a file of users ({error}); restore it, or remove it and add the users again") from error
        return self._hashes

    def names(self) -> list[str]:
        return sorted(self._read())

    def check(self, name: str, password: str) -> bool:
        """Whether the password is that of this user; takes as long for a user there is not."""
        known = self._read().get(name)
        if self._decoy is None:
            self._decoy = self._hasher.hash("nobody has this password")
        try:
            return self._hasher.verify(known or self._decoy, password[:MAX_PASSWORD]) and known is not None
        except (Argon2Error, InvalidHashError):
            return False

    def seal(self, name: str) -> str | None:
        """A short mark of the user's present password: a session of an old password, or of a removed user, no longer fits."""
        known = self._read().get(name)
        return hashlib.sha256(known.encode()).hexdigest()[:16] if known else None

    def add(self, name: str, password: str) -> bool:
        """Add a user or set a new password; True when the user is new. UserError when name or password will not do."""
        if not NAME.match(name):
            raise UserError(f"user name {name!r}: use 1 to 60 characters without spaces, quotes and slashes")
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise UserError(f"the password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
        hashes = dict(self._read())
        new = name not in hashes
        if new and len(hashes) >= MAX_USERS:
            raise UserError(f"there are {MAX_USERS} users already")
        hashes[name] = self._hasher.hash(password)
        self._write(hashes)
        return new

    def remove(self, name: str) -> None:
        hashes = dict(self._read())
        if hashes.pop(name, None) is None:
            raise UserError(f"there is no user {name!r}; known are: {', '.join(sorted(hashes)) or 'none'}")
        self._write(hashes)

    def _write(self, hashes: dict[str, str]) -> None:
        text = json.dumps({"users": {name: {"argon2": value} for name, value in sorted(hashes.items())}}, ensure_ascii=False, indent=1)
        write_private(self.path, text.encode())
        self._stamp = None


def write_private(path: Path, content: bytes) -> None:
    """Replace a file as a whole, durably, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def session_key(path: Path) -> bytes:
    """The 32 bytes that session cookies are encrypted with, made at the first start. UserError when others may read the file."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = os.urandom(32)
        write_private(path, key)
        return key
    if path.stat().st_mode & 0o077:
        raise UserError(f"{path} can be read by others; run: chmod 600 {path}")
    if len(key) != 32:
        raise UserError(f"{path} is not a session key of 32 bytes; remove it (everyone must log in again)")
    return key
