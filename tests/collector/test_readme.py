"""What the README shows as settings can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from collector.alarms.rules import RuleSet
from collector.config import CollectorConfig

README = Path(__file__).resolve().parents[2] / "collector" / "README.md"


def test_every_yaml_block_is_a_valid_configuration():
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        config = CollectorConfig.model_validate(yaml.safe_load(block))
        RuleSet(config.alarms.rules)
