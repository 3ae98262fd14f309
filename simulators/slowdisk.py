"""A disk that is slow to store, for one running program: every sync to disk (fsync and its kin) takes so much longer.

`strace` holds each such call back before the kernel sees it, in the program, its threads and what it starts; everything else goes on at its
own pace. A program that ends and is started again finds its disk as slow as before. It needs the Debian package ``strace`` and a system
that lets one process trace another of the same user (Yama's ptrace_scope 0, or root). Not here: slow reading, and slow writing into the
kernel's cache: on a machine with memory to spare a worn card is first felt where a program waits for its data to be safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil

import psutil

from firmware_config.base import log
from simulators.errors import SimulatorError
from simulators.supervise import Child

logger = log.get(__name__)

SYNCS = "fsync,fdatasync,sync_file_range,msync,syncfs,sync"
ATTACHED = b" attached"
ATTACH_S = 10.0
LET_GO_S = 10.0
LOOK_EVERY_S = 0.2


class SlowDisk:
    """The disk as ``child`` sees it. ``hold`` may be called again with another delay; ``release`` gives the disk back."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._tracer: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def hold(self, delay_s: float) -> None:
        """From now on every sync takes ``delay_s`` longer (real seconds); SimulatorError says why it cannot be done."""
        held = self._keeper is not None
        await self.release()
        if delay_s <= 0:
            raise SimulatorError(f"slow_disk {delay_s:g}: give the seconds that each sync to disk is to take longer")
        try:
            await self._attach(delay_s)
        except (SimulatorError, OSError) as error:
            if not held:
                raise
            # it was slow already: a program that is away meanwhile finds it so when it comes back
            logger.info("the disk is slow again once the program can be traced", name=self._child.name, problem=str(error))
        self._keeper = asyncio.create_task(self._keep(delay_s), name=f"slow disk of {self._child.name}")

    async def release(self) -> None:
        """Let the program go on with a disk of its own pace; it does not notice the parting."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        tracer, self._tracer = self._tracer, None
        await _part(tracer)

    async def _attach(self, delay_s: float) -> None:
        strace = shutil.which("strace")
        if strace is None:
            raise SimulatorError("slow_disk needs strace (Debian package strace), which is not installed")
        if self._child.pid is None:
            raise SimulatorError("slow_disk: the agent is not running")
        held = f"inject={SYNCS}:delay_enter={round(delay_s * 1e6)}"
        rules = ["-f", "-e", f"trace={SYNCS}", "-e", "signal=none", "-e", held, "-o", "/dev/null"]
        pids = [part for pid in _family(self._child.pid) for part in ("-p", str(pid))]
        tracer = await asyncio.create_subprocess_exec(
            strace, *rules, *pids, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, start_new_session=True
        )
        assert tracer.stderr is not None
        try:
            async with asyncio.timeout(ATTACH_S):
                said = await tracer.stderr.readline()
        except TimeoutError:
            said = b"no word from strace"
        except asyncio.CancelledError:
            await _part(tracer)
            raise
        if ATTACHED not in said:
            said += await _part(tracer)
            raise SimulatorError(f"slow_disk: the agent cannot be traced: {said.decode(errors='replace').strip()}")
        self._tracer = tracer

    async def _keep(self, delay_s: float) -> None:
        """Hear the tracer out, and hold on to the next process of the child when this one has ended."""
        while True:
            if self._tracer is not None and self._tracer.stderr is not None:
                while await self._tracer.stderr.readline():
                    pass
                await self._tracer.wait()
                self._tracer = None
            if self._child.pid is not None:
                try:
                    await self._attach(delay_s)
                except (SimulatorError, OSError) as error:
                    logger.warning("the disk is quick for now", name=self._child.name, problem=str(error))
            await asyncio.sleep(LOOK_EVERY_S)


async def _part(tracer: asyncio.subprocess.Process | None) -> bytes:
    """End a tracer; what it held goes on. Returns what it said last."""
    if tracer is None:
        return b""
    with contextlib.suppress(ProcessLookupError):
        tracer.terminate()
    try:
        _, said = await asyncio.wait_for(tracer.communicate(), LET_GO_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            tracer.kill()  # the kernel lets go of what a dead tracer held
        _, said = await tracer.communicate()
    return said


def _family(pid: int) -> list[int]:
    """A process and all it has started."""
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.Error:
        return [pid]
