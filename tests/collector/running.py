"""Running the centre in tests: in this process (its parts within reach), or as the program it is (to be killed)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from collector.centre import Centre
from collector.config import CollectorConfig, load_config
from collector.hub import Hub, Notice
from collector.ingest.service import Ingest
from collector.store.queries import ReaderPool
from firmware_config.base.clock import SystemClock
from firmware_config.base.mqtt import Broker
from tests.collector.making import T0


class FixedClock(SystemClock):
    """The centre's clock of the tests: some hours after T0, whatever the day of the run."""

    def __init__(self, now_ms: int = T0 + 20_000_000) -> None:
        super().__init__()
        self.at_ms = now_ms
        self.clock_quality = "synchronised"

    def now_ms(self) -> int:
        self.at_ms += 1
        return self.at_ms

    def quality(self) -> Any:
        return self.clock_quality


class RunningIngest:
    """Ingest in an event loop of its own thread, and every notice it gave."""

    def __init__(self, data: Path, broker: Broker, clock: FixedClock, **settings: Any) -> None:
        self.config: CollectorConfig = load_config(
            None, data=str(data), accept_simulated=settings.pop("accept_simulated", True), **settings
        )
        data.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.broker = broker
        self.hub = Hub()
        self.notices: list[Notice] = []
        self.heard = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.ingest: Ingest
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.call(self._start())

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    async def _start(self) -> None:
        self.centre = Centre(
            config=self.config,
            clock=self.clock,
            hub=self.hub,
            reader=ReaderPool(self.config.data / "store.db"),
            data=self.config.data,
            started_ms=self.clock.now_ms(),
        )
        queue = self.hub.subscribe()
        self.ingest = Ingest(self.centre, self.broker)
        self._collector = asyncio.create_task(self._collect(queue))
        await self.ingest.start()

    async def _collect(self, queue: asyncio.Queue[Notice]) -> None:
        while True:
            notice = await queue.get()
            with self.heard:
                self.notices.append(notice)
                self.heard.notify_all()

    def notice(self, notice_kind: str, /, **facts: Any) -> Notice:
        """Wait for a notice of this kind (for ``centre``: with these facts)."""

        def found() -> Notice | None:
            for notice in self.notices:
                if notice.kind == notice_kind and (notice_kind != "centre" or facts.items() <= notice.payload.items()):
                    return notice
            return None

        with self.heard:
            assert self.heard.wait_for(lambda: found() is not None, 40), f"no {notice_kind} {facts} among {self.notices[-5:]}"
            notice = found()
            assert notice is not None
            return notice

    def stop(self) -> None:
        async def end() -> None:
            await self.ingest.stop()
            self._collector.cancel()
            self.centre.reader.close()

        self.call(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def ingest(data: Path, broker: Broker, clock: FixedClock | None = None, **settings: Any) -> Iterator[RunningIngest]:
    running = RunningIngest(data, broker, clock or FixedClock(), **settings)
    try:
        yield running
    finally:
        running.stop()


class Program:
    """``haitan-collector run`` as a child, on a broker, without a page."""

    def __init__(self, folder: Path, broker: Broker, **settings: Any) -> None:
        self.data = folder / "data"
        self.file = folder / "collector.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(yaml.safe_dump({"data": str(self.data), "accept_simulated": True, "http": {"enabled": False}, **settings}))
        self.log = folder / "log"
        self.broker = broker
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "HAITAN_BROKER": f"{self.broker.host}:{self.broker.port}"}
        command = [sys.executable, "-c", "from collector.cli import main; main()", "run", str(self.file)]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(30)


@contextmanager
def program(folder: Path, broker: Broker, **settings: Any) -> Iterator[Program]:
    made = Program(folder, broker, **settings)
    made.start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.end()
