"""Reading the world's own tables (YAML files beside this module)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def table(name: str) -> dict[str, Any]:
    """The table ``name``.yaml of this package; callers do not change it."""
    loaded: dict[str, Any] = yaml.safe_load(files("simulators.world").joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded
