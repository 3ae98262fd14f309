"""What the outbox says of itself: events about numbers that will bring no record, and about its own health.

Numbers given up are kept in the table ``gone`` first and said afterwards, merged into one event per stream, epoch and reason, so that
neither a kill nor months without room can make a hole unsaid or a flood of events. While the clock is unset nothing is said: an event
about numbers has a number itself, and a time.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any

from edge.outbox.room import Room
from edge.outbox.store import Change, Store
from firmware_config.messages import NUMBERS_UNUSED, RECORDS_LOST
from firmware_config.records import Draft

MOST_RANGES = 400
EVERY_S = 600.0
"""World seconds between two declarations, while losses go on."""

SEVERITY = {NUMBERS_UNUSED: "info", RECORDS_LOST: "alarm"}
TEXTS: dict[str, tuple[str, str]] = {
    NUMBERS_UNUSED: ("{count} record numbers of stream {stream} were never used", "{stream} 流有 {count} 个记录编号从未使用"),
    RECORDS_LOST: ("{count} records of stream {stream} are lost", "{stream} 流有 {count} 条记录丢失"),
    "outbox_damaged": (
        "The outbox was damaged; {salvaged} records were moved to a new file",
        "发件箱文件损坏，已将 {salvaged} 条记录移入新文件",
    ),
    "outbox_missing": ("The outbox file was missing; a new one was begun", "发件箱文件缺失，已新建"),
    "numbers_restarted": ("Numbers file and outbox were both lost; a new epoch of numbers began", "编号文件与发件箱均丢失，编号进入新纪元"),
    "numbers_from_centre": (
        "The centre knows newer numbers of stream {stream} than this outbox; they are skipped",
        "中心已有 {stream} 流更新的编号，已跳过",
    ),
    "outbox_disk_full": (
        "There is no room on the disk or in the outbox; new records wait in memory",
        "磁盘或发件箱已无空间，新记录暂存于内存",
    ),
    "outbox_disk_ok": ("The outbox takes records again", "发件箱恢复写入"),
    "record_refused": ("A record of stream {stream} could not be written: {problem}", "{stream} 流有一条记录无法写入：{problem}"),
}
REASONS: dict[str, tuple[str, str]] = {
    "unclean_stop": ("reserved before an unclean stop", "非正常停机前预留"),
    "numbers_missing": ("skipped because the numbers file was damaged", "编号文件损坏，跳过"),
    "no_room": ("the outbox was full", "发件箱已满"),
    "disk_full": ("the disk was full", "磁盘已满"),
    "damaged_row": ("the stored content did not match its hash", "存储内容与校验值不符"),
    "outbox_damaged": ("the outbox file was damaged", "发件箱文件损坏"),
    "outbox_missing": ("the outbox file was missing", "发件箱文件缺失"),
    "not_kept": ("freed after the centre had them; the centre has them no longer", "中心确认后本地已释放，而中心不再持有"),
}


class Declarations:
    """Makes and commits the outbox's own events. ``on_event`` hears of each one that has been committed."""

    def __init__(self, store: Store, room: Room, *, simulated: bool, on_event: Callable[[Draft], None]) -> None:
        self.store = store
        self.room = room
        self.simulated = simulated
        self.on_event = on_event
        self._said_s: float | None = None

    def event(self, kind: str, severity: str, detail: dict[str, Any]) -> Draft:
        """An event of the outbox, stamped now (in ms since boot while the clock is unset)."""
        clock = self.store.clock
        quality = clock.quality()
        en, zh = (text.format_map(detail) for text in TEXTS[kind])
        if detail.get("reason") in REASONS:
            en, zh = (f"{text}{mark}{why}" for text, mark, why in zip((en, zh), (": ", "："), REASONS[detail["reason"]], strict=True))
        return Draft(
            stream="event",
            t=int(clock.monotonic() * 1000) if quality == "unset" else clock.now_ms(),
            dt=0,
            clock=quality,
            values={"kind": kind, "severity": severity},
            detail={**detail, "text_en": en, "text_zh": zh},
            simulated=self.simulated,
        )

    def due(self) -> bool:
        """Whether something is unsaid and enough time has passed since the last time."""
        return (self._said_s is None or self.store.clock.monotonic() - self._said_s >= EVERY_S) and self._pending()

    def _pending(self) -> bool:
        return bool(
            self.store.connection.execute(
                "select exists(select 1 from gone where event_seq is null) or exists(select 1 from unnumbered)"
            ).get
        )

    def say(self) -> None:
        """Commit an event for everything unsaid (nothing while the clock is unset)."""
        if self.store.clock.quality() == "unset" or not self._pending():
            return
        self.room.ensure(8)
        self.store.numbers.reserve({"event": 64})
        said: list[Draft] = []
        with self.store.change() as change:
            unsaid = self.store.ask(
                "select id, stream, epoch, kind, reason, first, last from gone where event_seq is null"
                " order by stream, epoch, kind, reason, first"
            )
            for what, group in groupby(unsaid, key=itemgetter(1, 2, 3, 4)):
                rows = list(group)
                for at in range(0, len(rows), MOST_RANGES):
                    if len(said) < 32:
                        said.append(self._say_numbers(what, rows[at : at + MOST_RANGES], change))
            said += self._say_unnumbered(change)
        self._said_s = self.store.clock.monotonic()
        for draft in said:
            self.on_event(draft)

    def _say_numbers(self, what: tuple[str, int, str, str], rows: list[tuple[Any, ...]], change: Change) -> Draft:
        stream, epoch, kind, reason = what
        ranges = [[first, last] for *_, first, last in rows]
        count = sum(last - first + 1 for first, last in ranges)
        draft = self.event(kind, SEVERITY[kind], {"stream": stream, "epoch": epoch, "ranges": ranges, "reason": reason, "count": count})
        sealed = self.store.sealed(draft, change.next)
        self.store.insert(sealed, change)
        self.store.connection.executemany(
            "update gone set event_epoch=?, event_seq=? where id=?", [(sealed.record.epoch, sealed.record.seq, row[0]) for row in rows]
        )
        return draft

    def _say_unnumbered(self, change: Change) -> list[Draft]:
        said = []
        for stream, reason, count in self.store.ask("select stream, reason, count from unnumbered"):
            detail: dict[str, Any] = {"stream": stream, "epoch": self.store.numbers.epoch, "ranges": [], "reason": reason, "count": count}
            draft = self.event(RECORDS_LOST, "alarm", detail)
            self.store.insert(self.store.sealed(draft, change.next), change)
            said.append(draft)
        self.store.connection.execute("delete from unnumbered")
        return said
