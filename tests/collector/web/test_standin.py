"""The stand-in says what the collector would say: its answers fit the models of the real interface, so the page is tested against the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from collector.api import models
from tests.collector.web.standin import Standin


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = Standin()
    yield server.start()
    server.stop()


def ask(base: str, path: str) -> Any:
    with urlopen(base + path) as answer:
        return json.load(answer)


def test_answers_fit_the_models_of_the_interface(base: str) -> None:
    found = models.Stations.model_validate(ask(base, "api/stations"))
    station, to = found.stations[0].id, found.now
    models.Detail.model_validate(ask(base, f"api/stations/{station}"))
    models.LedgerAnswer.model_validate(ask(base, f"api/ledger?station={station}&from={to - 86_400_000}&to={to}"))
    models.Alarms.model_validate(ask(base, "api/alarms?state=all"))
    models.Me.model_validate(ask(base, "api/me"))
    wanted = "co2_flux@mast,wind_speed@mast"
    for span in (3_600_000, 30 * 86_400_000):
        series = models.SeriesAnswer.model_validate(
            ask(base, f"api/series?station={station}&series={wanted}&from={to - span}&to={to}&points=2000")
        )
        assert series.series["co2_flux@mast"].t
