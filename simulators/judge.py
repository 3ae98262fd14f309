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

Number = tuple[str, str, int, int]
"""station, stream, epoch, seq"""
ONE_PER_TIME = frozenset({"eddy", "tide", "minute", "gas"})
"""streams of which a second record for the same time is a doubled product"""


@dataclass
class Verdict:
    """What was found. `clean` is the whole point."""

    committed: int = 0
    stored: int = 0
    lost: list[Number] = field(default_factory=list)
    altered: list[Number] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.altered or self.doubled or self.unexplained)


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
        found.setdefault((station, stream, epoch, seq), []).append((bytes(body), digest))
    return found


def _doubled_products(stored: Mapping[Number, list[tuple[bytes, str]]]) -> Iterable[str]:
    seen: Counter[tuple[str, str, int, int]] = Counter()
    for (station, stream, _, _), rows in stored.items():
        if stream in ONE_PER_TIME:
            content = json.loads(rows[0][0])
            if content["clock"] != "unset":
                seen[station, stream, content["t"], content.get("version", 0)] += 1
    return [f"{station} {stream} t={t}: {count} records" for (station, stream, t, _), count in seen.items() if count > 1]


def _unexplained_gaps(committed: Mapping[Number, bytes]) -> Iterable[str]:
    """Numbers below the highest one that are neither in the outbox nor declared unused: something vanished."""
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
        gaps = sorted(set(range(min(numbers), max(numbers) + 1)) - numbers)
        if gaps:
            yield f"{station} {stream} epoch {epoch}: {len(gaps)} numbers unaccounted for, first {gaps[0]}"


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
    verdict.doubled += _doubled_products(stored)
    return verdict
