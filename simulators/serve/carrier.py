"""Faults begun and ended when the timeline says so, each noted as truth; what they do stands with whoever can do it.

A world carries out those of its links, clock and disk (`simulators.serve.stationfaults`), a stage those of network, power, memory and the
speed of the disk (`simulators.stagefaults`). Faults of single instruments act where their records are made; the world only notes their
beginning and end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from firmware_config.base import log
from simulators.errors import SimulatorError
from simulators.faults.timeline import ActiveFault, Timeline
from simulators.serve.proxy import TcpProxy
from simulators.serve.truthlog import TruthLog

logger = log.get(__name__)


class Action(Protocol):
    """Begins or ends a fault; SimulatorError or OSError when it cannot."""

    def __call__(self, fault: ActiveFault, *, begin: bool) -> Awaitable[None]: ...


class Carrier:
    """Call ``apply`` often; it compares what is on with what should be on. ``mine``: the faults that are this program's business."""

    def __init__(self, timeline: Timeline, truth: TruthLog, actions: Mapping[str, Action], mine: Callable[[str], bool]) -> None:
        self._timeline = timeline
        self._truth = truth
        self._actions = actions
        self._mine = mine
        self._on: dict[ActiveFault, bool] = {}
        """fault → it could be carried out"""

    @property
    def carried_out(self) -> list[ActiveFault]:
        """What is on now and could be done."""
        return [fault for fault, done in self._on.items() if done]

    async def apply(self, now_ms: float) -> None:
        """End what is over, begin what is due."""
        wanted = [fault for fault in self._timeline.faults if fault.on(now_ms) and self._mine(fault.name)]
        for fault in [f for f in self._on if f not in wanted]:
            await self._end(fault, min(now_ms, fault.end_ms))
        for fault in wanted:
            if fault not in self._on:
                await self._begin(fault, now_ms)

    async def _begin(self, fault: ActiveFault, now_ms: float) -> None:
        try:
            self._on[fault] = True
            await self.act(fault, begin=True)
            self._truth.note(max(now_ms, fault.begin_ms), "fault", state="begun", **fault.describe())
        except (SimulatorError, OSError) as error:
            self._on[fault] = False
            logger.error("fault cannot be carried out", fault=fault.name, problem=str(error))
            self._truth.note(now_ms, "fault", state="refused", reason=str(error), **fault.describe())

    async def _end(self, fault: ActiveFault, at_ms: float) -> None:
        if not self._on.pop(fault):
            return
        try:
            await self.act(fault, begin=False)
        except (SimulatorError, OSError) as error:  # it is out of the timeline all the same, and the others must go on
            logger.error("fault cannot be undone", fault=fault.name, problem=str(error))
        self._truth.note(at_ms, "fault", state="ended", **fault.describe())

    async def act(self, fault: ActiveFault, *, begin: bool) -> None:
        """Do or undo it; a fault without an action acts elsewhere."""
        action = self._actions.get(fault.name)
        if action is not None:
            await action(fault, begin=begin)


def disturb(link: TcpProxy, faults: list[ActiveFault]) -> None:
    """Leave the link with exactly these faults of a network."""
    link.heal()
    for fault in faults:
        if fault.name == "no_network":
            (link.reset if fault.entry.mode == "reset" else link.cut)()
        elif fault.name == "slow_network":
            link.slow(fault.magnitude)
        elif fault.name == "late_network":
            link.delay(fault.magnitude)
        elif fault.name == "lossy_network":
            link.lose(fault.magnitude)
