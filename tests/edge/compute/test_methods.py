"""Which methods a station file chooses, said and unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from edge.compute.eddy_setup import methods_of
from edge.compute.history import needs
from firmware_config.station import EddyProcessing


@pytest.mark.parametrize(
    ("chosen", "lag", "learns"),
    [
        ({}, "tracked", ("lags",)),
        ({"mode": "compatible"}, "maximum_with_default", ()),
        ({"mode": "compatible", "lag": "tracked"}, "tracked", ("lags",)),
        ({"lag": "constant"}, "constant", ()),
        ({"rotation": "planar_fit"}, "tracked", ("planes", "lags")),
        ({"rotation": "planar_fit", "mode": "compatible"}, "maximum_with_default", ("planes",)),
    ],
)
def test_the_lag_that_nobody_chose_and_what_has_to_be_learnt(chosen: dict[str, Any], lag: str, learns: tuple[str, ...]) -> None:
    product = {"processing": EddyProcessing.model_validate(chosen).model_dump(mode="json")}
    assert methods_of(product).lag == lag
    assert needs(product) == learns
    other = "correct" if chosen.get("mode") == "compatible" else "compatible"
    if "lag" not in chosen:  # a mode given at the command line goes before that of the file
        turned = {"processing": product["processing"] | {"mode": other}}
        assert methods_of(turned).lag == ("tracked" if other == "correct" else "maximum_with_default")
        assert needs(product, other) == needs(turned)
