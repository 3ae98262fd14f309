"""Faults that only whoever holds a station's processes and its network can carry out: the network cut, slow, late or lossy, the power cut,
the memory short, the disk slow.

They stand in the station's timeline beside those of its world and are noted in the same truth log. A power cut kills world and agent with
everything they started, at once and without a word (SIGKILL), and keeps them dead; what comes back comes back from disk. Memory is held
short by the address space the running agent may still take (RLIMIT_AS); an agent that dies of it comes back without the limit. A slow disk
is made by `simulators.slowdisk`.

A full disk is not among them: it takes a file system of its own, which nobody but root can make under a folder that must outlive the agent.
What could be done without one would be something else: a limit on the size of files (RLIMIT_FSIZE) says "file too large" while the disk
shows room, and an error put into the write calls (strace) would hit the lines to the instruments as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil

from firmware_config.base import log
from firmware_config.base.clock import WorldClock
from simulators.errors import FaultFileError, SimulatorError
from simulators.faults.catalogue import STAGED
from simulators.faults.timeline import ActiveFault, Timeline
from simulators.serve.carrier import Carrier, disturb
from simulators.serve.proxy import TcpProxy
from simulators.serve.station import TARGETS_FILE
from simulators.serve.stationfaults import NETWORK
from simulators.serve.truthlog import TruthLog
from simulators.slowdisk import SlowDisk
from simulators.supervise import Child

logger = log.get(__name__)
LOOK_EVERY_S = 0.1


class StageFaults:
    """One station's; ``run`` as a task. ``targets`` and ``timeline`` are there once its world is up."""

    def __init__(self, file: Path, ports: Path, link: TcpProxy, world: Child, edge: Child, clock: WorldClock) -> None:
        self.file = file
        self.truth_file = ports / "truth.jsonl"
        self.targets: dict[str, Any] = {}
        self.timeline: Timeline | None = None
        self._targets_file = ports / TARGETS_FILE
        self._link, self._children, self._edge = link, (world, edge), edge
        self.clock = clock
        self._limited: dict[ActiveFault, psutil.Process] = {}
        self._disk = SlowDisk(edge)

    async def run(self) -> None:
        """Until cancelled; then the disk is quick and what was held may start again."""
        carrier: Carrier | None = None
        trouble = ""
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                try:
                    now_ms = float(self.clock.true_ms())
                    if carrier is None:
                        carrier = self._try_begin(now_ms)
                    if carrier is not None and self.timeline is not None:
                        self.timeline.refresh(now_ms)
                        await carrier.apply(now_ms)
                        trouble = ""
                except Exception as error:  # whatever it is, the next round may do: without this task nobody carries out any fault
                    if trouble != (trouble := repr(error)):  # ten rounds a second: told once
                        logger.exception("a round of the stage's faults failed", file=str(self.file), problem=trouble)
        finally:
            await self._disk.release()
            for child in self._children:
                child.release()

    def _try_begin(self, now_ms: float) -> Carrier | None:
        with contextlib.suppress(OSError, ValueError, FaultFileError):  # not up yet, or a wrong file: the world says so
            return self._begin(now_ms)
        return None

    def _begin(self, now_ms: float) -> Carrier:
        self.targets = json.loads(self._targets_file.read_text(encoding="utf-8"))
        instruments = self.targets["instruments"]
        faults = {key: about["faults"] for key, about in instruments.items()}
        links = {key: about["link"] for key, about in instruments.items()}
        self.timeline = Timeline(self.file, faults, links, now_ms)
        actions = dict.fromkeys(NETWORK, self._network) | {"power_cut": self._power}
        actions |= {"little_memory": self._memory, "slow_disk": self._slow_disk}
        self._carrier = Carrier(self.timeline, TruthLog(self.truth_file), actions, STAGED.__contains__)
        return self._carrier

    async def _network(self, fault: ActiveFault, *, begin: bool) -> None:
        disturb(self._link, [f for f in self._carrier.carried_out if f.name in NETWORK])

    async def _power(self, fault: ActiveFault, *, begin: bool) -> None:
        if not begin:
            for child in self._children:
                child.release()
            return
        for child in self._children:
            child.hold()
        for child in self._children:
            if child.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)  # each child leads a session of its own
                child.kills += 1

    async def _slow_disk(self, fault: ActiveFault, *, begin: bool) -> None:
        """Of several at once the slowest counts."""
        delays = [one.magnitude for one in self._carrier.carried_out if one.name == fault.name]
        if delays:
            await self._disk.hold(max(delays))
        else:
            await self._disk.release()

    async def _memory(self, fault: ActiveFault, *, begin: bool) -> None:
        if not hasattr(psutil.Process, "rlimit"):
            raise SimulatorError("little_memory needs Linux: no other system lets one process limit another")
        try:
            if begin:
                if self._edge.pid is None:
                    raise SimulatorError("little_memory: the agent is not running")
                agent = psutil.Process(self._edge.pid)
                _, hard = agent.rlimit(psutil.RLIMIT_AS)
                agent.rlimit(psutil.RLIMIT_AS, (agent.memory_info().vms + int(fault.magnitude * 1e6), hard))
                self._limited[fault] = agent
            elif (agent := self._limited.pop(fault, None)) is not None and agent.is_running():
                _, hard = agent.rlimit(psutil.RLIMIT_AS)
                agent.rlimit(psutil.RLIMIT_AS, (hard, hard))
        except psutil.Error as error:
            raise SimulatorError(f"little_memory: {error}") from error
