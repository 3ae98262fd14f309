"""The station's own chain on the bench's air: what path, distance and response take away, its spectral correction gives back.

Two things written from the same papers by different hands meet here: the world's turbulence with its sensors, and the correct chain.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from firmware_config.station import Mounting
from simulators.instruments.feed import AirFeed
from simulators.instruments.gill import HEAD
from simulators.instruments.licor import HEADS
from simulators.world.turbulence import BLOCK_S
from tests.edge.flux.stations import document, flux, rows_of
from tests.simulators.conftest import T0_MS

RATE_HZ = 20
BLOCKS = 12
"""a block differs from its truth by a per cent or two: its seams are those of two"""
GAS_CONSTANT = 8.314462618
SONIC_AT = Mounting(height_m=4.4)
GAS_AT = Mounting(height_m=4.4, eastward_separation_m=0.2)
TRUTH_OF = {"H": "sensible_heat_flux", "LE": "latent_heat_flux", "FC": "co2_flux", "USTAR": "friction_velocity"}
DAY = {"sensible_heat_flux": 60.0, "latent_heat_flux": 120.0, "co2_flux": -8.0, "friction_velocity": 0.3}
NIGHT = {"sensible_heat_flux": -30.0, "latent_heat_flux": 20.0, "co2_flux": 3.0, "friction_velocity": 0.2}


def station(folder: Path) -> Path:
    """A mast with these two instruments, whose raw files hold dry mole fractions."""
    whole = document(rate=f"{RATE_HZ} Hz")
    for item, model, at in zip(whole["instruments"], ("gill_windmaster_ascii", "licor_li7500_grammar"), (SONIC_AT, GAS_AT), strict=True):
        item.update(model=model, rate=f"{RATE_HZ} Hz", mounting=at.model_dump(exclude_defaults=True))
    whole["instruments"][1]["options"] = {"analyser": "li7500"}
    whole["products"] = [{"kind": "eddy", "place": "tower", "sonic": "sonic", "gas": "irga", "path": "open", "averaging": "30min"}]
    path = folder / "tower.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    return path


def raw_file(folder: Path, feed: AirFeed, start_ms: int) -> Path:
    """A half-hour as the two heads have it."""
    first, count = start_ms // 1000 * RATE_HZ, BLOCK_S * RATE_HZ
    wind = feed.wind(first, count, RATE_HZ, "gill", SONIC_AT, HEAD)
    gas = feed.gas(first, count, RATE_HZ, 0.0, GAS_AT, HEADS["li7500"])
    dry = gas.pressure * 1e3 / (GAS_CONSTANT * (gas.temperature + 273.15)) - gas.h2o * 1e-3
    begins = datetime.fromtimestamp(start_ms / 1e3, UTC).astimezone(timezone(timedelta(hours=8)))
    path = folder / f"T_{begins:%Y%m%d-%H%M}.csv"
    columns = [wind.u, wind.v, wind.w, wind.ts, gas.co2 / dry * 1e3, gas.h2o / dry]
    np.savetxt(path, np.stack(columns, axis=1), fmt="%.9g", delimiter=",", header="u,v,w,ts,co2,h2o", comments="")
    return path


@pytest.mark.parametrize(
    ("fluxes", "wind_ms"), [(DAY, 3.0), (DAY, 8.0), (NIGHT, 6.0)], ids=["day, light wind", "day, strong wind", "night, stable"]
)
def test_the_station_finds_the_fluxes_the_bench_was_told_to_carry(
    make_world: Any, tmp_path: Path, fluxes: dict[str, float], wind_ms: float
) -> None:
    """Within 2 %: the two take different fits of Kaimal's cospectra, about 1 % apart in what they lose here."""
    world = make_world(fluxes=fluxes, wind_speed_ms=wind_ms, wind_from_deg=180.0, turbulence={"statistics": "exact"})
    feed = AirFeed(world)
    files = [raw_file(tmp_path, feed, T0_MS + number * BLOCK_S * 1000) for number in range(BLOCKS)]
    result = flux(station(tmp_path), *files)
    assert result.exit_code == 0, result.stderr
    rows = rows_of(result.stdout)
    assert len(rows) == BLOCKS
    assert np.mean([float(row["FC_SCF"]) for row in rows]) > 1.05, "there is something to correct"
    for name, of in TRUTH_OF.items():
        assert np.mean([float(row[name]) for row in rows]) == pytest.approx(fluxes[of], rel=0.02), name
