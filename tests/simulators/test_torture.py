"""The torture test in its short form, with both brokers: nothing lost, doubled or altered, and the sink ends equal to the store."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulators.cli import main


@pytest.mark.timeout(400)
@pytest.mark.xdist_group("chain")
@pytest.mark.parametrize(
    ("broker", "options"),
    [
        pytest.param("mosquitto", ["--influx"], marks=pytest.mark.needs("mosquitto", "influxd")),
        pytest.param("nats", ["--no-influx"], marks=pytest.mark.needs("nats")),
    ],
)
def test_half_a_minute_of_kills_and_outages(broker: str, options: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["torture", "--minutes", "0.5", "--broker", broker, "--data", str(tmp_path / "stage"), *options])
    print(result.output)
    assert result.exit_code == 0, result.output
    assert "nothing lost, doubled or altered" in result.output
    assert ("InfluxDB equals the store: yes" in result.output) == ("--influx" in options)
