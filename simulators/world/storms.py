"""Tropical storms: a vortex in balance that moves along a track.

Pressure and wind at distance r from the centre (Holland 1980, equations 2 and 3):

    p(r)  = p_c + (p_n - p_c) exp(-(R/r)^B)
    Vg(r) = sqrt( (R/r)^B B (p_n - p_c) exp(-(R/r)^B) / rho + (r f / 2)^2 ) - r f / 2

R the radius of strongest wind, rho 1.15 kg m-3, f the Coriolis parameter. Both satisfy dp/dr = rho (Vg^2 / r + f Vg). At 10 m the wind is
a share of Vg (0.8 over the open sea, less where land roughens it: ``exposure`` of the region; Powell 1980, Vickery et al. 2009), blows
inward by an angle of 10 degrees at R, 25 beyond 1.2 R (Sobey et al. 1977), counter-clockwise (the bench is in the north), and carries
along part of the storm's own motion, V_t R r / (R^2 + r^2) (Jelesnianski 1966). Beyond ``reach_km`` the storm gives way to the climate.

Rain has the shape of R-CLIPER (Tuleya et al. 2007): from a third at the centre up to ``rain_mm_h`` at 1.1 R, falling off over ``rain_km``;
bands of clouds are a noise of the seed on it. After landfall the deficit of pressure decays as wind decays by 0.095 an hour (Kaplan &
DeMaria 1995), the square of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.world import noise
from simulators.world.change import Change
from simulators.world.noise import Array

AIR_KG_M3 = 1.15
EARTH_RAD_S = 7.292116e-5
EARTH_M_DEG = 111_195.0
DECAY_S = 2.0 * 0.095 / 3600.0
LEAST_M = 1.0
BAND_S = 2400.0
HUMIDITY = 96.0


def deficit_hpa(r_m: Array, radius_m: float, b: float, depth_hpa: Array | float) -> Array:
    """How far the pressure at ``r_m`` lies below that of the surroundings (Holland 1980)."""
    return np.asarray(depth_hpa * -np.expm1(-((radius_m / np.maximum(r_m, LEAST_M)) ** b)))


def gradient_wind_ms(r_m: Array, radius_m: float, b: float, depth_hpa: Array | float, latitude_deg: float) -> Array:
    """Wind that balances the pressure at ``r_m`` (Holland 1980); ``depth_hpa``: deficit of the centre."""
    r = np.maximum(r_m, LEAST_M)
    shape = (radius_m / r) ** b
    turn = 0.5 * r * 2.0 * EARTH_RAD_S * abs(np.sin(np.radians(latitude_deg)))
    return np.asarray(np.sqrt(shape * b * np.asarray(depth_hpa) * 100.0 / AIR_KG_M3 * np.exp(-shape) + turn**2) - turn)


def inflow_deg(r_m: Array, radius_m: float) -> Array:
    """Angle by which the wind blows inward (Sobey et al. 1977)."""
    return np.asarray(np.interp(r_m / radius_m, (0.0, 1.0, 1.2), (0.0, 10.0, 25.0)))


def rain_shape(r_m: Array, radius_m: float, fall_m: float) -> Array:
    """Share of the strongest rain at ``r_m``: a third at the centre, 1 at 1.1 R, then falling off exponentially."""
    top = 1.1 * radius_m
    return np.asarray(np.where(r_m < top, 1.0 / 3.0 + 2.0 / 3.0 * r_m / top, np.exp(-(r_m - top) / fall_m)))


@dataclass(frozen=True)
class Storm:
    """One storm on a straight track. ``at_s``: UTC second at which its centre is at ``passes`` (latitude, longitude)."""

    at_s: float
    passes: tuple[float, float]
    heading_deg: float
    speed_ms: float
    depth_hpa: float
    radius_m: float
    b: float
    rain_mm_h: float
    rain_fall_m: float
    reach_m: float
    air_c: float
    """of the air under its clouds: a degree or two below that of the sea"""
    landfall_s: float
    """seconds after ``at_s`` from which it decays"""
    seed: int

    def from_centre(self, t_s: Array, place: tuple[float, float]) -> tuple[Array, Array]:
        """(east, north) of ``place`` as seen from the centre, m."""
        heading = np.radians(self.heading_deg)
        gone = (t_s - self.at_s) * self.speed_ms
        east = (place[1] - self.passes[1]) * EARTH_M_DEG * np.cos(np.radians(self.passes[0])) - gone * np.sin(heading)
        north = (place[0] - self.passes[0]) * EARTH_M_DEG - gone * np.cos(heading)
        return np.asarray(east), np.asarray(north)

    def deepness_hpa(self, t_s: Array) -> Array:
        """Deficit of the centre at ``t_s``."""
        return np.asarray(self.depth_hpa * np.exp(-DECAY_S * np.maximum(t_s - self.at_s - self.landfall_s, 0.0)))

    def pass_over(self, change: Change, t_s: Array, place: tuple[float, float], exposure: float) -> None:
        """Add the storm to what happens at ``place``; ``exposure``: wind at 10 m over gradient wind there."""
        east, north = self.from_centre(t_s, place)
        r = np.maximum(np.hypot(east, north), LEAST_M)
        if r.min() > 3.0 * self.reach_m:
            return
        within = np.exp(-((r / self.reach_m) ** 4))
        depth = self.deepness_hpa(t_s)
        speed = exposure * gradient_wind_ms(r, self.radius_m, self.b, depth, self.passes[0])
        # counter-clockwise tangent (-north, east) turned inward by the angle of inflow
        inward = np.radians(inflow_deg(r, self.radius_m))
        along, into = np.cos(inward), np.sin(inward)
        carried = exposure * self.speed_ms * self.radius_m * r / (self.radius_m**2 + r**2) * depth / self.depth_hpa
        heading = np.radians(self.heading_deg)
        wind_e = speed * (-north * along - east * into) / r + carried * np.sin(heading)
        wind_n = speed * (east * along - north * into) / r + carried * np.cos(heading)
        change.toward("east", wind_e, within)
        change.toward("north", wind_n, within)
        change.add("pressure", -within * deficit_hpa(r, self.radius_m, self.b, depth))
        self._clouds(change, t_s, r, within * depth / self.depth_hpa)

    def _clouds(self, change: Change, t_s: Array, r: Array, strength: Array) -> None:
        bands = noise.wander(noise.key(self.seed, "weather/bands"), t_s, BAND_S)
        rain = self.rain_mm_h * rain_shape(r, self.radius_m, self.rain_fall_m) * np.clip(1.0 + 0.6 * bands, 0.0, 2.2)
        near = strength * np.exp(-((r / (2.5 * self.rain_fall_m)) ** 2))
        eye = np.exp(-((r / (0.5 * self.radius_m)) ** 4))
        change.toward("cloud", 1.0 - 0.5 * eye, near)
        change.toward("humidity", HUMIDITY, near)
        change.toward("temperature", self.air_c, near)
        change.add("rain", strength * rain)
