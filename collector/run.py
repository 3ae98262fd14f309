"""One collector process: takes its data folder, starts the parts, waits for the end, stops them in reverse.

A part that fails at the start stops the program with the reason; afterwards only SIGTERM or SIGINT (or the death of a part that nothing can
restart) ends it. Being killed at any instant is as good an end as any other: what was promised is on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
from collections.abc import Iterator
from pathlib import Path

from collector import alarms, api
from collector.centre import Centre, Part
from collector.config import CollectorConfig
from collector.errors import DataFolderInUse
from collector.hub import Hub
from collector.ingest.service import Ingest
from collector.sink.service import start_sink
from collector.store.queries import ReaderPool
from firmware_config.base import log
from firmware_config.base.clock import Clock, open_clock

logger = log.get(__name__)


@contextlib.contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Hold a data folder for this process alone; DataFolderInUse when another collector has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataFolderInUse(f"{folder} is in use by another collector; stop it or give another folder with --data") from None
        yield


async def run(config: CollectorConfig, *, clock: Clock | None = None, stop: asyncio.Event | None = None) -> None:
    """Run the centre until ``stop`` is set."""
    clock = clock or open_clock()
    stop = stop or asyncio.Event()
    with own_folder(config.data):
        centre = Centre(
            config=config,
            clock=clock,
            hub=Hub(),
            reader=ReaderPool(config.data / "store.db"),
            data=config.data,
            started_ms=clock.now_ms(),
        )
        parts: list[Part] = []
        try:
            ingest = Ingest(centre, config.mqtt())
            parts.append(ingest)
            if config.sink is not None:
                parts.append(await start_sink(centre, config.sink, ingest.inbox, ingest.writer))
            parts.append(await alarms.start(centre))
            parts.append(await api.start(centre))
            await ingest.start()
            logger.info("the centre runs", centre=config.centre, data=str(config.data), sink=config.sink.name if config.sink else None)
            await _until_end(stop, ingest)
        finally:
            for part in reversed(parts):
                await part.stop()
            centre.reader.close()
        logger.info("the centre has stopped")


async def _until_end(stop: asyncio.Event, ingest: Ingest) -> None:
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({asked, *ingest.tasks}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    for task in ingest.tasks:
        if task.done():
            task.result()


async def run_until_signal(config: CollectorConfig) -> None:
    """`run`, ended by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(config, stop=stop)
