"""Child processes of the bench: started, watched, started again when they die, stopped in order.

The bench treats death as ordinary: whoever kills a process of the demo (the visitor, the torture test) finds it back within seconds, as
systemd would do in the field.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware_config.base import log

logger = log.get(__name__)

FIRST_DELAY_S = 0.3
LONGEST_DELAY_S = 5.0
STEADY_AFTER_S = 10.0


@dataclass
class Child:
    """One process kept alive until `stop`.

    ``prepare`` runs before each start (a broker's state is wiped here, for instance). Output goes to ``log_file``, appended.
    """

    name: str
    command: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = lambda: None
    starts: int = 0
    kills: int = 0
    process: asyncio.subprocess.Process | None = None
    _task: asyncio.Task[None] | None = None
    _stopping: bool = False
    _hold: asyncio.Event = field(default_factory=asyncio.Event)
    _up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    async def start(self) -> None:
        """Begin; returns once the process has been started for the first time."""
        self._hold.set()
        self._task = asyncio.create_task(self._keep_alive(), name=f"keep {self.name}")
        await self._up.wait()

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        delay = FIRST_DELAY_S
        while not self._stopping:
            await self._hold.wait()
            begun = loop.time()
            try:
                self.process = await self._spawn()
            except OSError as error:  # no file descriptor, process or memory left: there may be some later
                delay = min(delay * 2, LONGEST_DELAY_S)
                logger.warning("process cannot be started, trying again", name=self.name, problem=str(error), pause_s=delay)
                await asyncio.sleep(delay)
                continue
            self.starts += 1
            self._up.set()
            code = await self.process.wait()
            if self._stopping:
                return
            logger.info("process ended, starting it again", name=self.name, code=code)
            delay = FIRST_DELAY_S if loop.time() - begun > STEADY_AFTER_S else min(delay * 2, LONGEST_DELAY_S)
            await asyncio.sleep(delay)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self.prepare()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as out:
            return await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def kill(self) -> bool:
        """SIGKILL now; it comes back by itself. False if it was not running."""
        if self.pid is None or self.process is None:
            return False
        self.process.send_signal(signal.SIGKILL)
        self.kills += 1
        return True

    def hold(self) -> None:
        """Do not start it again until `release`."""
        self._hold.clear()

    def release(self) -> None:
        self._hold.set()

    async def stop(self, timeout_s: float = 10.0) -> None:
        """SIGTERM, and SIGKILL when that is not heard."""
        self._stopping = True
        self._hold.set()
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), timeout_s)
            except TimeoutError:
                logger.warning("process does not stop, killing it", name=self.name)
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
                await self.process.wait()
        if self._task is not None:
            self._task.cancel()
            (ended,) = await asyncio.gather(self._task, return_exceptions=True)
            if isinstance(ended, Exception):  # told, not raised: who stops this one has others to stop
                logger.error("process was not watched any more", name=self.name, problem=repr(ended))
