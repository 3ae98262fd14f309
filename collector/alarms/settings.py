"""The ``alarms`` section of the centre's configuration."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class AlarmSettings(BaseModel):
    """``rules``: changes to the shipped rules by id, and rules of this centre (see ``collector/alarms/rules.yaml``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: list[dict[str, Any]] = Field(default=[], max_length=1000)
    max_open_per_station: int = Field(default=200, ge=10, le=10_000)
