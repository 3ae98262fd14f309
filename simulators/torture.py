"""The torture test: the whole chain under SIGKILL and link outages, then the judge counts.

From a printed seed it makes a plan of kills (agents, collector, broker with its state wiped, InfluxDB where there is one) and of
outages of the stations' links, carries it out in wall time, heals everything, waits until what the outboxes committed has arrived,
proves with a fresh record that the chain still lives, and asks `simulators.judge`. A killed process comes back as under systemd.
"""

from __future__ import annotations

import asyncio
import math
import random
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simulators.errors import StageError
from simulators.judge import Number, Verdict, judge, outbox_records, store_records
from simulators.stage import EXAMPLES, Stage, door, example_station
from simulators.supervise import Child

KILLS_PER_MINUTE = 9.0
OUTAGES_PER_MINUTE = 0.7
SETTLE_WITHIN_S = 180.0


@dataclass(frozen=True)
class Blow:
    """One thing that goes wrong ``at_s`` after the start: a kill of ``victim``, or an outage of a station's link for ``for_s``.

    An outage is ``silent`` (nothing passes and nobody is told, as behind a dead modem) or closes the connections.
    """

    at_s: float
    victim: str
    for_s: float = 0.0
    silent: bool = False


def plan(seed: int, minutes: float, stations: list[str], *, influx: bool) -> list[Blow]:
    """The blows of a run: the same for the same arguments. Every kind of victim gets its share; the last tenth of the time is quiet."""
    rng = random.Random(seed)
    span = minutes * 60 * 0.9
    kills = max(6, math.ceil(minutes * KILLS_PER_MINUTE))
    outages = max(1, math.ceil(minutes * OUTAGES_PER_MINUTE))
    victims = [f"edge-{station}" for station in stations] + ["collector"] * 2 + ["broker"] * 2 + ["influxd"] * influx
    order: list[str] = []
    while len(order) < kills:
        rng.shuffle(victims)
        order += victims
    blows = [Blow((i + rng.random()) * span / kills, victim) for i, victim in enumerate(order[:kills])]
    for i in range(outages):
        length = rng.uniform(0.05, 0.15) * span / outages + 1.0
        blows.append(Blow((i + rng.uniform(0.1, 0.8)) * span / outages, f"link-{rng.choice(stations)}", length, silent=i % 2 == 0))
    return sorted(blows, key=lambda blow: blow.at_s)


class Torture:
    """One run; ``say`` gets a line for each thing that happens."""

    def __init__(
        self, folder: Path, *, seed: int, minutes: float, speed: float, broker: str, influx: bool, say: Callable[[str], None]
    ) -> None:
        self.seed, self.minutes, self.say = seed, minutes, say
        self.stage = Stage(folder, [example_station(name) for name in EXAMPLES], speed=speed, broker_kind=broker, influx=influx)
        self.blows = plan(seed, minutes, list(EXAMPLES), influx=influx)
        self.done: Counter[str] = Counter()

    def _child(self, name: str) -> Child:
        return next(child for child in self.stage.children if child.name == name)

    async def run(self) -> bool:
        """True when nothing was lost, doubled or altered, and the sink (if any) ended equal to the store."""
        self.say(
            f"seed {self.seed}: {len(self.blows)} blows in {self.minutes:g} min, broker {self.stage.broker_kind}, {self.stage.speed:g}x"
        )
        try:
            await self.stage.start()
            self._child("broker").prepare = self._wipe_broker
            await self._arrived({place.id: 1 for place in self.stage.places.values()})
            await self._strike()
            verdict = await self._settle()
            sink_equal = await asyncio.to_thread(self._sink_equal)
            return self._report(verdict, sink_equal=sink_equal)
        finally:
            await self.stage.stop()

    def _wipe_broker(self) -> None:
        if (self.stage.folder / "broker/data").exists():
            self.stage.broker.wipe()

    async def _arrived(self, least: dict[str, int]) -> None:
        """Wait until the store has at least so many records of each station."""
        async with asyncio.timeout(SETTLE_WITHIN_S):
            while True:
                counts = Counter(number[0] for number in await asyncio.to_thread(self._stored_numbers))
                if all(counts[station] >= count for station, count in least.items()):
                    return
                await asyncio.sleep(0.25)

    def _stored_numbers(self) -> set[Number]:
        path = self.stage.folder / "collector/store.db"
        return set(store_records(path)) if path.exists() else set()

    async def _strike(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.TaskGroup() as group:
            for blow in self.blows:
                await asyncio.sleep(max(0.0, begun + blow.at_s - loop.time()))
                if blow.victim.startswith("link-"):
                    group.create_task(self._outage(blow))
                    continue
                child = self._child(blow.victim)
                async with asyncio.timeout(60):
                    while not child.kill():  # noqa: ASYNC110 - still coming back from the last blow
                        await asyncio.sleep(0.05)
                self.done["kill " + blow.victim] += 1
                self.say(f"{loop.time() - begun:6.1f} s  kill -9 {blow.victim}")
        await asyncio.sleep(max(0.0, begun + self.minutes * 60 - loop.time()))

    async def _outage(self, blow: Blow) -> None:
        link = self.stage.places[blow.victim.removeprefix("link-")].link
        link.cut() if blow.silent else link.reset()
        self.say(f"          {blow.victim} {'silent' if blow.silent else 'down'} for {blow.for_s:.1f} s")
        await asyncio.sleep(blow.for_s)
        link.heal()
        self.done["outage"] += 1

    def _outboxes(self) -> dict[str, dict[Number, bytes]]:
        return {place.id: outbox_records(place.id, place.data / "outbox" / "outbox.db") for place in self.stage.places.values()}

    async def _settle(self) -> Verdict:
        """Faults are over: everything committed so far must arrive, and so must something committed after that."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLE_WITHIN_S
        before = await asyncio.to_thread(self._outboxes)
        while True:
            outboxes = await asyncio.to_thread(self._outboxes)
            if all(len(outboxes[station]) > len(records) for station, records in before.items()):
                break  # each agent has committed something fresh
            if loop.time() > deadline:
                raise StageError(f"an agent commits nothing any more after the faults; logs: {self.stage.logs}")
            await asyncio.sleep(0.25)
        while True:
            verdict = await asyncio.to_thread(judge, outboxes, self.stage.folder / "collector/store.db")
            if not verdict.lost or loop.time() > deadline:
                return verdict
            await asyncio.sleep(0.25)

    def _sink_equal(self) -> bool | None:
        if self.stage.database is None:
            return None
        command = [door("haitan-collector"), "reconcile", str(self.stage.folder / "collector.yaml"), "--wait", "120s"]
        result = subprocess.run(command, capture_output=True, text=True, env=None, check=False)
        self.say((result.stdout + result.stderr).strip())
        return result.returncode == 0

    def _report(self, verdict: Verdict, *, sink_equal: bool | None) -> bool:
        kills = sum(count for what, count in self.done.items() if what.startswith("kill"))
        share = ", ".join(f"{what[5:]} {count}" for what, count in sorted(self.done.items()) if what.startswith("kill"))
        self.say(f"{kills} kills ({share}), {self.done['outage']} outages")
        self.say(f"{verdict.committed} records committed by the outboxes, {verdict.stored} in the store")
        for what in ("lost", "doubled", "altered", "invented", "unexplained"):
            found = getattr(verdict, what)
            self.say(f"{what}: {len(found)}" + (f", for example {found[:3]}" if found else ""))
        if sink_equal is not None:
            self.say(f"InfluxDB equals the store: {'yes' if sink_equal else 'NO'}")
        good = verdict.clean and sink_equal is not False
        self.say("nothing lost, doubled or altered" if good else f"FAILED (seed {self.seed}); everything is kept in {self.stage.folder}")
        return good
