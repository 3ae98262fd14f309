"""The centre's settings: defaults that run, every mistake at once, no secret in the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from collector.config import load_config
from collector.errors import ConfigError
from tests.conftest import ROOT


def test_without_a_file_everything_has_a_default() -> None:
    config = load_config(None)
    assert (config.centre, config.accept_simulated, config.sink) == ("centre", False, None)
    assert config.mqtt({}).port == 1883


def test_every_mistake_is_told_at_once_with_its_key(tmp_path: Path) -> None:
    file = tmp_path / "collector.yaml"
    file.write_text("centre: 'no good'\nstore: {reserve: 5}\ningest: {group: 10 parsecs, grup: 1s}\nsink: {kind: influx9}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    text = "\n".join(caught.value.problems)
    for key in ("centre", "store.reserve", "ingest.group", "ingest.grup", "sink"):
        assert f": {key}: " in text, key
    assert all(str(file) in problem for problem in caught.value.problems)


@pytest.mark.parametrize(
    "content",
    ["- a list", "a: [", "\x00", "a: " + "[" * 5000, "centre: 0x" + "f" * 20_000, "centre: " + "9" * 5000],
    ids=["list", "cut", "zero", "deep", "hexadecimal", "digits"],
)
def test_a_file_that_is_no_settings_file_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "collector.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"collector\.yaml"):
        load_config(file)


def test_the_bench_may_name_another_broker() -> None:
    config = load_config(None, broker={"host": "far.example.org", "port": 8883, "username": "centre"})
    assert config.mqtt({}).host == "far.example.org"
    bench = config.mqtt({"HAITAN_BROKER": "127.0.0.1:4711"})
    assert (bench.host, bench.port, bench.username) == ("127.0.0.1", 4711, None)
    with pytest.raises(ConfigError, match="HAITAN_BROKER"):
        config.mqtt({"HAITAN_BROKER": "nonsense"})


def test_the_examples_of_the_readme_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "collector/README.md").read_text(), re.S)
    assert blocks
    sinks = set()
    for block in blocks:
        file = tmp_path / "collector.yaml"
        file.write_text(block)
        config = load_config(file)
        assert set(yaml.safe_load(block)) <= set(type(config).model_fields)
        sinks |= {config.sink.kind} if config.sink else set()
    assert sinks == {"influx1", "influx2"}
