"""Every driver against the bench's instrument of its model, through real ports: two readings of one manual, made apart, must agree.

The simulators encode the protocols on their own and never read a card's layout; here the other end is their program, not ours.
"""

import asyncio
import json
import shutil
import sys
from pathlib import Path

import yaml

from edge.instruments.probe import Prober
from firmware_config.cards import all_cards
from firmware_config.check import load_station

STATIONS = Path(__file__).parents[3] / "firmware_config" / "stations"
WEATHER_EVERY = "2s"
"""At real time the bench keeps its pace on any machine; the weather transmitter alone is made quicker than its ten seconds."""


def whole_station(folder: Path) -> Path:
    """The buoy with the mangrove tower's integrated sonic beside its own instruments: all eight models."""
    buoy = yaml.safe_load((STATIONS / "zhoushan-buoy" / "station.yaml").read_text(encoding="utf-8"))
    tower = yaml.safe_load((STATIONS / "yueqing-mangrove" / "station.yaml").read_text(encoding="utf-8"))
    sonic = next(item for item in tower["instruments"] if item["model"] == "ec100_irgason_ascii")
    buoy["links"].append(next(link for link in tower["links"] if link["id"] == sonic["link"]))
    buoy["instruments"].append(sonic)
    next(item for item in buoy["instruments"] if item["id"] == "weather")["every"] = WEATHER_EVERY
    path = folder / "station.yaml"
    path.write_text(yaml.safe_dump(buoy, allow_unicode=True), encoding="utf-8")
    shutil.copy(STATIONS / "zhoushan-buoy" / "site.geojson", folder)
    return path


async def test_every_model_is_in_order_on_the_bench(tmp_path: Path) -> None:
    path = whole_station(tmp_path)
    station = load_station(path).station
    assert {instrument.model for instrument in station.instruments} <= set(all_cards())
    program = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("haitan-sim")), "station", str(path), "--ports", str(tmp_path / "ports"),
        stdout=asyncio.subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert program.stdout is not None
        ready = (await asyncio.wait_for(program.stdout.readline(), 40)).decode()
        json.loads(ready.removeprefix("ready "))
        found = await Prober(station, tmp_path / "ports", listen_s=8.0).run()
    finally:
        program.terminate()
        await program.wait()
    assert {finding.instrument.id: finding.verdict for finding in found if not finding.good} == {}
    for finding in found:
        assert finding.records >= 3
        missing = {name for name, value in finding.values.items() if value is None}
        assert missing <= {"rainfall"}, f"{finding.instrument.id}: {missing}"
