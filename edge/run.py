"""The ``run`` command: load, check, lock, assemble, and stop on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from edge.agent.agent import Agent
from edge.agent.folder import DataFolder
from edge.errors import AgentError
from edge.links import ports_from
from edge.uplink import broker_for
from firmware_config.base import log
from firmware_config.base.clock import open_clock
from firmware_config.check import LoadedStation, load_station

DATA_ENVIRONMENT = "HAITAN_DATA"


def data_folder(loaded: LoadedStation, given: Path | None) -> Path:
    """Where a station keeps its data: as given, else ``$HAITAN_DATA/STATION``, else ``data/STATION`` here."""
    return given or Path(os.environ.get(DATA_ENVIRONMENT, "data")) / loaded.station.id


async def _run(loaded: LoadedStation, folder: DataFolder) -> None:
    ports = ports_from(os.environ)
    clock = open_clock(loaded.station.id)
    agent = Agent(loaded, folder, clock, broker_for(loaded.station.uplink), ports=ports, simulated=ports is not None)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await agent.run(stop)


def run_station(station_file: Path, data: Path | None) -> None:
    """Run a station until it is told to stop. StationFileError, EdgeError: it cannot be started as asked."""
    log.set_up("edge")
    loaded = load_station(station_file)
    if not loaded.station.links:
        raise AgentError(f"station {loaded.station.id} has no links: its file is for computing raw files (haitan-edge flux)")
    folder = DataFolder(data_folder(loaded, data))
    try:
        asyncio.run(_run(loaded, folder))
    finally:
        folder.close()
