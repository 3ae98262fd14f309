"""Turbulence keeps its promise: what it was told to carry is what it carries."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge.science.eddy.spectral import transfer_functions as published
from firmware_config.station import Mounting
from simulators.instruments.feed import AirFeed
from simulators.world import physics
from simulators.world.turbulence import BLOCK_S, SEAM_S, VARIABLES, BlockTruth, Sensor, Turbulence
from tests.simulators.conftest import T0_MS

RATE_HZ = 10
BLOCKS = 48
FLUXES = {"friction_velocity": 0.35, "sensible_heat_flux": 60.0, "latent_heat_flux": 140.0, "co2_flux": -9.0}


def steady(number: int) -> BlockTruth:
    return BlockTruth(height_m=4.4, wind_ms=5.0, dry_density=40.5, temperature_c=20.0, vapour=14.0, **FLUXES)


def covariances(block: np.ndarray) -> dict[str, float]:
    u, _, w, t, c, q = (row - row.mean() for row in block.astype(float))
    return {"u": (w * u).mean(), "t": (w * t).mean(), "c": (w * c).mean(), "q": (w * q).mean()}


@pytest.fixture(scope="module")
def blocks() -> list[np.ndarray]:
    """A day of half-hours with natural statistics."""
    turbulence = Turbulence(3, RATE_HZ, steady)
    return [turbulence.block(number) for number in range(1000, 1000 + BLOCKS)]


class TestNatural:
    def test_covariances_converge_to_what_was_prescribed(self, blocks):
        """The mean over a day of half-hours lies within four of its own standard errors, and those are small enough to mean something."""
        found = [covariances(block) for block in blocks]
        for name, truth in steady(0).covariances.items():
            if name == "v":
                continue
            values = np.array([f[name] for f in found])
            error = values.std(ddof=1) / np.sqrt(BLOCKS)
            assert abs(values.mean() - truth) < 4 * error, name
            assert error < 0.05 * abs(truth), name

    def test_single_half_hours_scatter_as_real_ones_do(self, blocks):
        """Random error of some per cent to some tens of per cent of a flux (Finkelstein & Sims 2001)."""
        for name in ("u", "t", "c", "q"):
            values = np.array([covariances(block)[name] for block in blocks])
            assert 0.01 < values.std() / abs(values.mean()) < 0.5, name

    def test_nothing_is_carried_sideways(self, blocks):
        values = np.array([np.mean(block[1] * block[2]) for block in blocks])
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(BLOCKS)

    def test_wind_varies_as_similarity_says(self, blocks):
        """Unstable: sigma_w/u* = 1.25 (1 - 3 z/L)^(1/3)."""
        zeta = steady(0).height_m / steady(0).obukhov_length
        expected = 1.25 * (1 - 3 * zeta) ** (1 / 3) * FLUXES["friction_velocity"]
        assert zeta < 0
        assert np.mean([block[2].std() for block in blocks]) == pytest.approx(expected, rel=0.02)

    def test_spectrum_falls_by_five_thirds_and_cospectrum_faster(self, blocks):
        """Between 0.3 and 3 Hz, averaged over the day: -5/3 for w, -7/3 for the cospectrum with temperature."""
        n = blocks[0].shape[1]
        f = np.fft.rfftfreq(n, 1 / RATE_HZ)
        w = [np.fft.rfft(block[2]) for block in blocks]
        t = [np.fft.rfft(block[3]) for block in blocks]
        power = np.mean([np.abs(x) ** 2 for x in w], axis=0)
        cross = np.mean([(x * y.conj()).real for x, y in zip(w, t, strict=True)], axis=0)
        edges = np.geomspace(1.5, 4.5, 8)
        middle = np.sqrt(edges[1:] * edges[:-1])
        bins = [(f >= a) & (f < b) for a, b in pairwise(edges)]
        slope_w = np.polyfit(np.log(middle), [np.log(power[b].mean()) for b in bins], 1)[0]
        slope_wt = np.polyfit(np.log(middle), [np.log(cross[b].mean()) for b in bins], 1)[0]
        assert slope_w == pytest.approx(-5 / 3, abs=0.12)
        assert -2.45 < slope_wt < -1.85


class TestExact:
    def test_each_half_hour_carries_the_truth(self):
        turbulence = Turbulence(3, RATE_HZ, steady, exact=True)
        found = covariances(turbulence.block(1000))
        for name in ("u", "t", "c", "q"):
            assert found[name] == pytest.approx(steady(0).covariances[name], rel=0.05), name

    def test_over_many_blocks_to_a_per_cent(self):
        turbulence = Turbulence(3, RATE_HZ, steady, exact=True)
        found = [covariances(turbulence.block(number)) for number in range(1000, 1016)]
        for name in ("u", "t", "c", "q"):
            assert np.mean([f[name] for f in found]) == pytest.approx(steady(0).covariances[name], rel=0.01), name


class TestSensors:
    """What a path and a distance take from a covariance, against the formulas as the station's own correction has them."""

    SONIC, PATH_M = Sensor(path_m=0.15), 0.15
    HERE, APART = Sensor(path_m=0.5), Sensor(path_m=0.5, east_m=0.4)
    NUMBERS = range(1000, 1006)

    @staticmethod
    def windy(number: int) -> BlockTruth:
        """A northward wind, so that what stands to the east stands across it."""
        return BlockTruth(height_m=4.4, wind_ms=5.0, dry_density=40.5, temperature_c=20.0, vapour=14.0, wind_toward_deg=0.0, **FLUXES)

    def spectra(self, wind: Sensor | None, gas: Sensor | None, statistics: str = "exact") -> tuple[np.ndarray, np.ndarray]:
        """Cospectrum of w and CO2 and power of CO2 in bands, mean of some blocks at 20 Hz."""
        air = Turbulence(3, 20, self.windy, exact=statistics == "exact")
        cross, power = 0.0, 0.0
        for number in self.NUMBERS:
            w, c = np.fft.rfft(air.block(number, wind)[2]), np.fft.rfft(air.block(number, gas)[4])
            cross, power = cross + (w * c.conj()).real, power + np.abs(c) ** 2
        return np.array([cross[band].mean() for band in self.bands()]), np.array([power[band].mean() for band in self.bands()])

    @staticmethod
    def bands() -> list[np.ndarray]:
        f = np.fft.rfftfreq(BLOCK_S * 20, 1 / 20)
        return [(f >= low) & (f < low * 1.1) for low in (0.1, 0.3, 1.0, 2.0, 4.0)]

    @staticmethod
    def middles() -> np.ndarray:
        return 1.05 * np.array([0.1, 0.3, 1.0, 2.0, 4.0])

    def test_paths_take_what_moore_1986_says_of_the_cospectrum(self):
        f = self.middles()
        left = self.spectra(self.SONIC, self.HERE)[0] / self.spectra(None, None)[0]
        expected = np.sqrt(published.wind_path(f, self.PATH_M, 5.0) * published.scalar_path(f, 0.5, 5.0))
        assert expected[-1] < 0.9
        assert left == pytest.approx(expected, rel=0.01)

    def test_distance_across_the_wind_takes_what_moore_1986_says(self):
        f = self.middles()
        left = self.spectra(self.SONIC, self.APART)[0] / self.spectra(self.SONIC, self.HERE)[0]
        expected = published.separation(f, 0.4, 5.0)
        assert expected[-1] < 0.2
        assert left == pytest.approx(expected, abs=0.02)

    def test_distance_leaves_the_scalars_own_variance_and_its_company(self):
        """The air there is other air of the same kind: as much CO2 variance, as much in common with vapour."""
        here, there = self.spectra(None, Sensor(), "natural")[1], self.spectra(None, Sensor(east_m=0.4), "natural")[1]
        assert there == pytest.approx(here, rel=0.25)
        air = Turbulence(3, 20, self.windy)
        found = [
            np.mean([np.corrcoef(air.block(n, sensor)[4:])[0, 1] for n in self.NUMBERS])
            for sensor in (None, Sensor(east_m=5.0, path_m=0.0))
        ]
        assert found[1] == pytest.approx(found[0], abs=0.06)

    def test_distance_along_the_wind_is_a_delay_and_costs_nothing(self):
        """Half a metre downwind at 5 m/s: the same CO2 0.1 s later, two samples."""
        air = Turbulence(3, 20, self.windy)
        c, late = air.block(1000)[4], air.block(1000, Sensor(north_m=0.5))[4]
        inside = slice(SEAM_S * 20, -SEAM_S * 20)
        assert late[2:][inside] == pytest.approx(c[:-2][inside], abs=2e-5)

    def test_a_sensor_that_does_nothing_sees_the_air(self):
        air = Turbulence(3, 20, self.windy)
        assert air.block(1000, Sensor()) == pytest.approx(air.block(1000), abs=2e-4)

    def test_the_worlds_truth_does_not_know_of_sensors(self, make_world):
        """The covariance an instrument sees is less than the truth, by some per cent at 4.4 m; ideal sensors see all of it."""
        at = Mounting(height_m=4.4, eastward_separation_m=0.2)
        steady_air = {"fluxes": FLUXES, "wind_speed_ms": 4.0, "wind_from_deg": 180.0}
        covariance = {}
        for sensors in ("real", "ideal"):
            world = make_world(turbulence={"statistics": "exact", "sensors": sensors}, **steady_air)
            feed, k = AirFeed(world), T0_MS // 1000 * 20
            w = feed.wind(k, BLOCK_S * 20, 20.0, "gill", Mounting(height_m=4.4), self.SONIC).w
            gas = feed.gas(k, BLOCK_S * 20, 20.0, 0.0, at, Sensor(path_m=0.127))
            covariance[sensors] = np.mean((w - w.mean()) * gas.co2)
            assert world.eddy_truth(T0_MS, BLOCK_S * 1e3)["co2_flux"] == pytest.approx(FLUXES["co2_flux"])
        assert 0.80 < covariance["real"] / covariance["ideal"] < 0.98


class TestSeams:
    def test_blocks_join_without_a_step(self):
        turbulence = Turbulence(3, RATE_HZ, steady)
        first, second = turbulence.block(1000).astype(float), turbulence.block(1001).astype(float)
        for row, name in enumerate(VARIABLES):
            usual = np.diff(first[row]).std()
            assert abs(second[row, 0] - first[row, -1]) < 5 * usual, name

    def test_variance_is_the_same_within_a_seam(self):
        turbulence = Turbulence(3, RATE_HZ, steady)
        seam = SEAM_S * RATE_HZ // 2
        blocks = [turbulence.block(number)[2].astype(float) for number in range(1000, 1100)]
        within = np.mean([np.mean(block[:seam] ** 2) for block in blocks])
        outside = np.mean([np.mean(block[seam:-seam] ** 2) for block in blocks])
        assert within == pytest.approx(outside, rel=0.1)

    def test_truth_of_a_seam_is_the_blend_of_its_blocks(self):
        def rising(number: int) -> BlockTruth:
            return BlockTruth(0.3, 10.0 * number, 50.0, -1.0, 4.4, 5.0, 40.5, 20.0, 14.0)

        turbulence = Turbulence(3, RATE_HZ, rising)
        heat = [sum(b.sensible_heat_flux * w for b, w in turbulence.truth_at(2 * BLOCK_S + s)) for s in (-40.0, -30.0, 0.0, 30.0, 40.0)]
        assert heat == pytest.approx([10, 10, 15, 20, 20])


class TestAir:
    def test_true_fluxes_are_in_the_air_the_instruments_see(self, make_world):
        """Fluxes computed here from raw air over eight half-hours (exact statistics): H, LE, FC and u* within 1.5 % of the world's truth."""
        world = make_world(fluxes=FLUXES, turbulence={"statistics": "exact"}, wind_from_deg=200.0)
        sums: dict[str, list[float]] = {"H": [], "LE": [], "FC": [], "ustar": []}
        for number in range(8):
            air = world.air((T0_MS // 1000 + number * BLOCK_S) * 20, BLOCK_S * 20)
            e = air.pressure * air.h2o * 1e-3 / (1 + air.h2o * 1e-3)
            rho_d = (air.pressure - e).mean() * 100 / (8.314462618 * (air.temperature.mean() + 273.15))
            w = air.up - air.up.mean()
            heat = rho_d * (0.0289647 * 1005 + air.h2o.mean() * 1e-3 * 0.01801528 * 1859)
            sums["H"].append(heat * np.mean(w * air.temperature))
            sums["LE"].append((2.501 - 0.00237 * air.temperature.mean()) * 1e6 * 0.01801528 * rho_d * np.mean(w * air.h2o) * 1e-3)
            sums["FC"].append(rho_d * np.mean(w * air.co2))
            along = np.array([air.east.mean(), air.north.mean()]) / np.hypot(air.east.mean(), air.north.mean())
            sums["ustar"].append(np.sqrt(-np.mean(w * (air.east * along[0] + air.north * along[1]))))
        truth = world.eddy_truth(T0_MS, 8 * BLOCK_S * 1000.0)
        assert truth["sensible_heat_flux"] == pytest.approx(FLUXES["sensible_heat_flux"])
        assert np.mean(sums["H"]) == pytest.approx(FLUXES["sensible_heat_flux"], rel=0.015)
        assert np.mean(sums["LE"]) == pytest.approx(FLUXES["latent_heat_flux"], rel=0.015)
        assert np.mean(sums["FC"]) == pytest.approx(FLUXES["co2_flux"], rel=0.015)
        assert np.mean(sums["ustar"]) == pytest.approx(FLUXES["friction_velocity"], rel=0.015)

    def test_a_slower_instrument_takes_every_second_sample(self, make_world):
        world = make_world()
        k = T0_MS // 1000 * 20
        fast, slow = world.air(k, 100), world.air(k, 50, 2)
        assert np.array_equal(fast.up[::2], slow.up)

    def test_samples_across_a_half_hour_are_those_of_its_two_sides(self, make_world):
        world = make_world()
        k = (T0_MS // 1000 + BLOCK_S) * 20
        across = world.air(k - 31, 64, 2).co2
        one_by_one = np.array([world.air(k - 31 + 2 * i, 1).co2[0] for i in range(64)])
        assert np.array_equal(across, one_by_one)

    def test_wind_blows_from_where_the_weather_says(self, make_world):
        world = make_world(wind_from_deg=200.0, wind_speed_ms=7.0)
        air = world.air(T0_MS // 1000 * 20, 36_000)
        assert np.degrees(np.arctan2(-air.east.mean(), -air.north.mean())) % 360 == pytest.approx(200, abs=3)

    def test_sonic_temperature_is_warmer_by_the_humidity(self):
        """Ts = T (1 + 0.51 q): 1.5 K at 20 degC and 10 g/kg."""
        vapour = 0.010 / (1 - 0.010) * physics.M_DRY_AIR / physics.M_WATER
        ts = physics.sonic_temperature_c(np.array([20.0]), np.array([vapour]))
        assert ts[0] - 20 == pytest.approx(293.15 * 0.51 * 0.010, rel=1e-6)
