"""The judge of delivery: is every record that an outbox committed in the centre's store, exactly once, with the same content?

It shares no code with agent or collector: it opens both SQLite files read-only with the standard library, parses bodies with the standard
library's JSON, and computes every hash itself. What it promises is a verdict, not a repair.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Number = tuple[str, str, int, int]
"""station, stream, epoch, seq"""
ONE_PER_TIME = frozenset({"eddy", "spectra", "tide", "minute", "gas"})
"""streams of which a second record for the same time is a doubled product"""


@dataclass
class Verdict:
    """What was found. `clean` is the whole point."""

    committed: int = 0
    stored: int = 0
    lost: list[Number] = field(default_factory=list)
    altered: list[Number] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    invented: list[Number] = field(default_factory=list)
    """in the store, under a number up to which the outbox has given numbers, but not in the outbox; or under a number not its own"""
    unexplained: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.altered or self.doubled or self.invented or self.unexplained)


def _rows(path: Path, query: str) -> list[tuple]:  # type: ignore[type-arg]
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(query).fetchall()


def outbox_records(station: str, path: Path) -> dict[Number, bytes]:
    """Everything an outbox has committed and still keeps, by number; ValueError when it holds a number twice or a foreign body."""
    found: dict[Number, bytes] = {}
    for stream, epoch, seq, body in _rows(path, "select stream, epoch, seq, body from record"):
        number = (station, stream, epoch, seq)
        content = json.loads(body)
        if (content["station"], content["stream"], content["epoch"], content["seq"]) != number:
            raise ValueError(f"{path}: row {number} holds the body of another record")
        if number in found:
            raise ValueError(f"{path}: number {number} was used twice")
        found[number] = bytes(body)
    return found


def store_records(path: Path) -> dict[Number, list[tuple[bytes, str]]]:
    """Every row of the centre's store by number: body and the hash it was stored under."""
    found: dict[Number, list[tuple[bytes, str]]] = {}
    for station, stream, epoch, seq, body, digest in _rows(path, "select station, stream, epoch, seq, body, hash from records"):
        found.setdefault((station, stream, epoch, seq), []).append((body if isinstance(body, bytes) else str(body).encode(), digest))
    return found


def _content(body: bytes) -> dict[str, Any]:
    """A stored body, empty when it is no JSON object any more."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _doubled_products(stored: Mapping[Number, list[tuple[bytes, str]]]) -> Iterable[str]:
    seen: Counter[tuple[str, str, int, int]] = Counter()
    for (station, stream, _, _), rows in stored.items():
        if stream in ONE_PER_TIME:
            content = _content(rows[0][0])
            if "t" in content and content.get("clock") != "unset":
                seen[station, stream, content["t"], content.get("version", 0)] += 1
    return [f"{station} {stream} t={t}: {count} records" for (station, stream, t, _), count in seen.items() if count > 1]


def _unexplained_gaps(committed: Mapping[Number, bytes]) -> Iterable[str]:
    """Numbers from 0 to the highest one that are neither in the outbox nor declared unused: something vanished."""
    used: dict[tuple[str, str, int], set[int]] = {}
    for station, stream, epoch, seq in committed:
        used.setdefault((station, stream, epoch), set()).add(seq)
    for (station, stream, _, _), body in committed.items():
        if stream == "event":
            content = json.loads(body)
            if content["values"].get("kind") in {"numbers_unused", "records_lost"}:
                detail = content["detail"]
                numbers = used.setdefault((station, detail["stream"], detail["epoch"]), set())
                for first, last in detail["ranges"]:
                    numbers.update(range(first, last + 1))
    for (station, stream, epoch), numbers in used.items():
        gaps = sorted(set(range(max(numbers) + 1)) - numbers)
        if gaps:
            yield f"{station} {stream} epoch {epoch}: {len(gaps)} numbers unaccounted for, first {gaps[0]}"


def _invented(committed: Mapping[Number, bytes], stored: Mapping[Number, list[tuple[bytes, str]]]) -> Iterable[Number]:
    """Rows that no outbox wrote. What lies above an outbox's highest number came after it was read and is not judged."""
    top: dict[tuple[str, str, int], int] = {}
    for station, stream, epoch, seq in committed:
        top[station, stream, epoch] = max(top.get((station, stream, epoch), -1), seq)
    stations = {station for station, *_ in committed}
    for number, rows in stored.items():
        station, stream, epoch, seq = number
        own = all(tuple(_content(body).get(name) for name in ("station", "stream", "epoch", "seq")) == number for body, _ in rows)
        if not own or station not in stations or (number not in committed and seq <= top.get((station, stream, epoch), -1)):
            yield number


def judge(outboxes: Mapping[str, dict[Number, bytes]], store: Path) -> Verdict:
    """Compare what the outboxes committed (taken earlier, with `outbox_records`) with what the store holds now."""
    stored = store_records(store)
    verdict = Verdict(stored=sum(len(rows) for rows in stored.values()))
    for committed in outboxes.values():
        verdict.committed += len(committed)
        for number, body in committed.items():
            rows = stored.get(number, [])
            if not rows:
                verdict.lost.append(number)
            elif len(rows) > 1:
                verdict.doubled.append(f"{number}: {len(rows)} rows")
            elif rows[0][0] != body or rows[0][1] != hashlib.blake2b(body, digest_size=16).hexdigest():
                verdict.altered.append(number)
        verdict.unexplained += _unexplained_gaps(committed)
    verdict.invented += _invented({number: body for committed in outboxes.values() for number, body in committed.items()}, stored)
    verdict.doubled += _doubled_products(stored)
    return verdict
