"""Every driver against the bench's instrument of its model, through real ports: two readings of one manual, made apart, must agree.

The simulators encode the protocols on their own and never read a card's layout; here the other end is their program, not ours.
"""

import asyncio
import json
import sys
from pathlib import Path

import yaml

import simulators
from edge.instruments.probe import Prober
from firmware_config.check import load_station
from simulators.instruments import MODELS

BENCH = Path(simulators.__file__).parent / "stations" / "bench"
QUICKER = {"sami": "2s", "proco2": "2s", "sbe26": "2s", "weather": "2s"}
"""At real time the bench keeps its pace on any machine; those that would need minutes for three records are made quicker."""

OF_THE_MACHINE = ("prints ", "takes up to ")
"""Verdicts on pace: a busy machine's, not a driver's."""


def whole_station(folder: Path) -> Path:
    """The bench's own station, one instrument of every model."""
    bench = yaml.safe_load((BENCH / "station.yaml").read_text(encoding="utf-8"))
    for item in bench["instruments"]:
        item["every"] = QUICKER.get(item["id"], item.get("every"))
    path = folder / "station.yaml"
    path.write_text(yaml.safe_dump(bench, allow_unicode=True), encoding="utf-8")
    (folder / "site.geojson").write_bytes((BENCH / "site.geojson").read_bytes())
    return path


async def test_every_model_is_in_order_on_the_bench(tmp_path: Path) -> None:
    path = whole_station(tmp_path)
    station = load_station(path).station
    assert {instrument.model for instrument in station.instruments} == set(MODELS)
    program = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("haitan-sim")), "station", str(path), "--ports", str(tmp_path / "ports"),
        "--world", str(BENCH / "world.yaml"), stdout=asyncio.subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert program.stdout is not None
        ready = (await asyncio.wait_for(program.stdout.readline(), 100)).decode()
        json.loads(ready.removeprefix("ready "))
        found = await Prober(station, tmp_path / "ports", listen_s=8.0).run()
    finally:
        program.terminate()
        await program.wait()
    wrong = {f.instrument.id: f.verdict for f in found if not f.good and not f.verdict.startswith(OF_THE_MACHINE)}
    assert wrong == {}
    for finding in found:
        assert finding.records >= 3
        assert set(finding.rejected) <= {"cut off"}, finding.instrument.id  # the first, where listening began in the middle
        missing = {name for name, value in finding.values.items() if value is None}
        assert missing <= {"rainfall"}, f"{finding.instrument.id}: {missing}"
