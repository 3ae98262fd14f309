"""What the outbox tests share: a clock in the test's hand, drafts, and a reader that uses nothing of ours but the hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import apsw

from edge.outbox import Outbox
from firmware_config.messages import Ack
from firmware_config.records import ClockQuality, Draft

BEGIN_MS = 1_790_000_000_000
STATION = "zhoushan"


@dataclass
class HandClock:
    """Time moves when the test says so."""

    ms: int = BEGIN_MS
    seconds: float = 100.0
    state: ClockQuality = "synchronised"
    speed: float = 1.0

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.seconds

    def ms_at(self, real_monotonic: float) -> float:
        return float(self.ms)

    def quality(self) -> ClockQuality:
        return self.state

    async def sleep(self, world_seconds: float) -> None:
        self.pass_s(world_seconds)

    def pass_s(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)
        self.seconds += seconds


def draft(stream: str = "minute", n: int = 0, *, size: int = 0, clock: ClockQuality = "synchronised", **more) -> Draft:
    """A draft whose content is recognisably number ``n``."""
    detail = {"n": n, "fill": "x" * size} if size else {"n": n}
    values = more.pop("values", {"air_temperature@mast": n / 7})
    return Draft(stream=stream, t=BEGIN_MS + n * 60_000, dt=60_000, clock=clock, values=values, detail=more.pop("detail", detail), **more)


def open_outbox(folder: Path, clock: HandClock | None = None, *, quota: int = 20_000_000, **more) -> Outbox:
    return Outbox.open(folder, STATION, clock or HandClock(), quota, **more)


def rows(folder: Path) -> dict[tuple[str, int, int], bytes]:
    """Every record in the file by (stream, epoch, seq); asserts that hashes are right and that the numbers in the body agree.

    (Read with the SQLite that the outbox uses: two SQLite libraries in one process take each other's file locks away.)
    """
    found = {}
    uri = f"file:{folder / 'outbox.db'}?mode=ro"
    connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    connection.set_busy_timeout(5000)
    try:
        for stream, epoch, seq, digest, body in connection.execute("select stream, epoch, seq, hash, body from record"):
            assert blake2b(body, digest_size=16).hexdigest() == digest
            content = json.loads(body)
            assert (content["stream"], content["epoch"], content["seq"], content["station"]) == (stream, epoch, seq, STATION)
            assert (stream, epoch, seq) not in found
            found[stream, epoch, seq] = body
    finally:
        connection.close()
    return found


def given_up(folder: Path) -> list[tuple[str, int, int, int, str]]:
    """The numbers a closed outbox gave up: stream, epoch, first, last, kind."""
    connection = apsw.Connection(str(folder / "outbox.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return list(connection.execute("select stream, epoch, first, last, kind from gone"))
    finally:
        connection.close()


def events(folder: Path, kind: str) -> list[dict]:
    """The ``detail`` of all kept events of a kind, in order."""
    found = [json.loads(body) for key, body in sorted(rows(folder).items()) if key[0] == "event"]
    return [event["detail"] for event in found if event["values"].get("kind") == kind]


def ack(keys, t: int = BEGIN_MS) -> Ack:
    """An acknowledgement of these (stream, epoch, seq)."""
    streams: dict = {}
    for stream, epoch, seq in sorted(keys):
        streams.setdefault(stream, {}).setdefault(str(epoch), []).append((seq, seq))
    return Ack(t=t, streams=streams)


def covered(detail_list: list[dict], stream: str, epoch: int) -> set[int]:
    """The numbers that these declarations speak of."""
    return {
        seq
        for detail in detail_list
        if (detail["stream"], detail["epoch"]) == (stream, epoch)
        for first, last in detail["ranges"]
        for seq in range(first, last + 1)
    }


def crash(outbox: Outbox) -> None:
    """What SIGKILL does: nothing is closed, flushed or given back; the files are as they are."""
    engine = outbox._engine
    outbox._closed = True
    outbox._executor.submit(lambda: _abandon(engine)).result()
    outbox._executor.shutdown()
    outbox._lock.close()


def _abandon(engine) -> None:
    import apsw

    engine.store.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    engine.store.connection.close()
