"""Run as a program: one walk through the life of some alarms, each time in a new folder and killed (SIGKILL) at another point of it.

``killed.py FOLDER``: for each kill point k the folder ``FOLDER/k`` holds the journal as the kill left it and ``told``, one line per alarm
that was told of, written and synced before the walk went on. The last folder is of a walk that was not killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from collector.alarms.book import AlarmBook
from collector.alarms.journal import Journal
from collector.alarms.rules import RuleSet
from collector.alarms.show import shown
from collector.alarms.signals import Signal
from tests.collector.alarms.bench import HandClock

RULES = RuleSet()


def sign(name: str, severity: str | None, source_t: int | None = None) -> Signal:
    rule = RULES.effective("station-event" if source_t else "oxygen-low", "buoy", f"dissolved_oxygen@{name}")
    assert rule is not None
    return Signal(f"{rule.id}/buoy/{name}", rule, "buoy", severity, series=name, value=1.5, source_t=source_t)  # type: ignore[arg-type]


WALK = (
    [sign("a", "low")],
    [sign("b", "medium"), sign("c", "high")],
    "acknowledge b",
    [sign("a", "high")],
    [sign("b", None)],
    [sign("c", None), sign("d", "medium", source_t=7)],
    "acknowledge c",
    "acknowledge a",
    [sign("a", None), sign("e", "low")],
    [sign("e", None)],
    [sign("c", "high")],
    [sign("d", "medium", source_t=9)],
)


class KilledJournal(Journal):
    """Kills this very process before or after the commit number ``at``."""

    at: tuple[int, str] = (-1, "")
    commits = 0

    async def write(self, transitions, cursors=()):
        if (self.commits, "before") == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        await super().write(transitions, cursors)
        if (self.commits, "after") == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.commits += 1


async def walk(folder: Path, at: tuple[int, str]) -> None:
    told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(alarm) -> None:
        os.write(told, (json.dumps(shown(alarm)) + "\n").encode())

    journal = KilledJournal(folder / "alarms.db")
    journal.at = at
    clock = HandClock()
    book = AlarmBook(journal, clock, tell)
    await book.restore()
    for action in WALK:
        clock.now += 1000
        if isinstance(action, list):
            await book.take(action)
        else:
            found = next(alarm for alarm in book.open.values() if alarm.series == action.split()[1])
            await book.acknowledge(found.id, "Li", "on my way")
    await journal.close()


def main(folder: Path) -> None:
    points = [(n, when) for n in range(len(WALK)) for when in ("before", "after")] + [(-1, "")]
    for k, at in enumerate(points):
        (folder / str(k)).mkdir()
        child = os.fork()
        if not child:
            asyncio.run(walk(folder / str(k), at))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        expected = 0 if at[0] < 0 else signal.SIGKILL
        if status != expected:
            sys.exit(f"walk {k} ended with {status}")
    print(len(points))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
