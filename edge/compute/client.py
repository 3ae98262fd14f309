"""The agent's side of the science child: one process, started when first needed, asked over its standard input, kept.

Promises: asking never blocks the event loop; a child that crashes, hangs or answers nonsense costs the one request it was working on
(ScienceError), never the agent, and is started again after a pause that grows with each failure in a row; what else waits, waits. No
NumPy here. Does not promise that a waiting request survives the agent: windows not computed are found again on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from edge.compute.messages import MAX_LINE_BYTES, Answer, Request
from edge.errors import ScienceError
from firmware_config.base import log

logger = log.get(__name__)

WORKER: tuple[str, ...] = (sys.executable, "-m", "edge.compute.worker")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
LONGEST_PAUSE_S = 60.0
_encoder = msgspec.json.Encoder()


@dataclass(order=True)
class _Job:
    priority: int
    number: int
    request: Request = field(compare=False)
    answer: asyncio.Future[Answer] = field(compare=False)


class ScienceClient:
    """Asks the science child; see the module.

    ``timeout_s`` is real time for one request once the child has it; ``room`` how many may wait. Lower ``priority`` goes first.
    """

    def __init__(
        self,
        command: Sequence[str] = WORKER,
        *,
        timeout_s: float = 120.0,
        room: int = 64,
        first_pause_s: float = 1.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s
        self._room = room
        self._first_pause_s = first_pause_s
        self._environment = {**os.environ, **ONE_THREAD, **(environment or {})}
        self._jobs: list[_Job] = []
        self._numbers = itertools.count(1)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._child: asyncio.subprocess.Process | None = None
        self.failures_in_a_row = 0
        self.answered = 0
        self.failed = 0

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    @property
    def waiting(self) -> int:
        return len(self._jobs)

    async def ask(self, request: Request, *, priority: int = 0) -> Answer:
        """The answer to a request (its ``id`` is given here); ScienceError says why there is none."""
        if len(self._jobs) >= self._room:
            raise ScienceError(f"{request.kind}: {self._room} requests wait for the science process already; this one is given up")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="science")
        number = next(self._numbers)
        job = _Job(priority, number, msgspec.structs.replace(request, id=number), asyncio.get_running_loop().create_future())
        heapq.heappush(self._jobs, job)
        self._wake.set()
        answer = await job.answer
        if not answer.ok:
            raise ScienceError(f"{request.kind}: {answer.error}")
        return answer

    async def _work(self) -> None:
        while True:
            while not self._jobs:
                self._wake.clear()
                await self._wake.wait()
            if self.failures_in_a_row:
                await asyncio.sleep(min(LONGEST_PAUSE_S, self._first_pause_s * 2 ** (self.failures_in_a_row - 1)))
            job = heapq.heappop(self._jobs)
            if job.answer.done():
                continue
            try:
                answer = await asyncio.wait_for(self._ask_child(job.request), self._timeout_s)
                self.failures_in_a_row = 0
                self.answered += 1
            except TimeoutError:
                answer = self._broken(job, f"no answer within {self._timeout_s:g} s; the science process was ended")
                await self._end_child(at_once=True)
            except (OSError, ValueError, msgspec.MsgspecError, EOFError) as error:
                code = await self._end_child(at_once=True)
                answer = self._broken(job, f"the science process ended ({error or type(error).__name__}; exit code {code})")
            if not job.answer.done():
                job.answer.set_result(answer)

    def _broken(self, job: _Job, reason: str) -> Answer:
        self.failures_in_a_row += 1
        self.failed += 1
        logger.warning("science failed", kind=job.request.kind, reason=reason)
        return Answer(id=job.number, ok=False, error=reason)

    async def _ask_child(self, request: Request) -> Answer:
        child = self._child
        if child is None or child.returncode is not None:
            child = self._child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=MAX_LINE_BYTES,
                env=self._environment,
                start_new_session=True,
            )
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(_encoder.encode(request) + b"\n")
        await child.stdin.drain()
        while True:
            line = await child.stdout.readline()
            if not line:
                raise EOFError("it closed its output")
            answer = msgspec.json.decode(line, type=Answer)
            if answer.id == request.id:
                return answer

    async def _end_child(self, *, at_once: bool) -> int | None:
        child, self._child = self._child, None
        if child is None:
            return None
        with contextlib.suppress(ProcessLookupError, OSError):
            if at_once:
                child.kill()
            elif child.stdin is not None:
                child.stdin.close()
        try:
            return await asyncio.wait_for(child.wait(), 5.0)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            return await child.wait()

    async def close(self) -> None:
        """End the child and fail what waits."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._end_child(at_once=False)
        for job in self._jobs:
            if not job.answer.done():
                job.answer.set_result(Answer(id=job.number, ok=False, error="the agent is stopping"))
        self._jobs.clear()
