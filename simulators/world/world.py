"""The world as one station meets it, and the truth about it.

`World.truth(t_ms)` gives every true value at an instant (names and units: `TRUTH_UNITS`); `World.eddy_truth` the true fluxes of an
averaging period; `World.air` the turbulent air sample by sample. All of them are functions of the seed and of world time.

Definitions behind the true fluxes (fluctuations primed, dry mole fractions chi, dry-air density rho_d at the mean state of the block):
H = rho cp <w'T'> with the real temperature T; LE = lambda M_w rho_d <w'chi_v'>; FC = rho_d <w'chi_c'>; tau = rho u*^2, <u'w'> = -u*^2.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from firmware_config.station import Station
from simulators.errors import WorldFileError
from simulators.world import physics
from simulators.world.chemistry import PHOTOSYNTHETIC_QUOTIENT
from simulators.world.config import WorldConfig
from simulators.world.current import Current
from simulators.world.data import table
from simulators.world.growth import Growth, behind_film
from simulators.world.noise import Array
from simulators.world.power import Power
from simulators.world.seastate import Fetch, Sea, SeaState, SeaStates
from simulators.world.surface import Surface, flooded_share
from simulators.world.surge import Surge
from simulators.world.tide import Constant, Tide
from simulators.world.turbulence import BLOCK_S, BlockTruth, Sensor, Turbulence
from simulators.world.water import Water
from simulators.world.waves import Waves
from simulators.world.weather import Weather

TRUTH_UNITS: dict[str, str] = {
    "wind_speed": "m s-1", "wind_from_direction": "degree", "air_temperature": "degC", "relative_humidity": "%", "air_pressure": "hPa",
    "rain_rate": "mm h-1", "cloud": "1", "shortwave": "W m-2", "par": "umol m-2 s-1", "h2o_mole_fraction": "mmol mol-1", "co2_air": "ppm",
    "water_temperature": "degC", "salinity": "1", "dissolved_oxygen": "mg L-1", "oxygen_at_saturation": "mg L-1", "oxygen_saturation": "%",
    "pco2_water": "uatm", "water_density": "kg m-3", "water_level": "m", "water_level_1985": "m", "flooded": "1",
    "dissolved_inorganic_carbon": "umol kg-1", "total_alkalinity": "umol kg-1", "ph_total": "1",
    "tide_level": "m", "surge": "m", "current_east": "m s-1", "current_north": "m s-1", "salt": "g m-2", "fouling": "mm",
    "sensible_heat_flux": "W m-2", "latent_heat_flux": "W m-2", "co2_flux": "umol m-2 s-1", "friction_velocity": "m s-1",
    "significant_wave_height": "m", "wave_peak_period": "s", "wave_from_direction": "degree",
}  # fmt: skip
"""Names of `World.truth` and their units. Wind is at 10 m, water_level is above station zero, the 1985 level is tide_level plus surge; the
current is that at the surface, salt lies on windows in the air, fouling is the film on sensors in the water."""
DIRECTIONS = ("wind_from_direction", "wave_from_direction")
ROWS = {name: row for row, name in enumerate(TRUTH_UNITS)}
MINUTES_S = np.arange(0.0, BLOCK_S + 1, 60.0)
MIN_HEIGHT_M = 0.5
REVELLE = 11.0
"""Change of pCO2 over that of inorganic carbon, both relative: 9 to 14 in nature."""


@dataclass(frozen=True)
class Site:
    """Where the station stands: what the world must know of it."""

    latitude_deg: float
    longitude_deg: float
    surface: str
    floats: bool
    datum_1985_m: float
    ground_m: float
    sonic_height_m: float
    bed_m: float | None = None
    """height of the ground under the water at a station that stands; None: not known"""

    @classmethod
    def of(cls, station: Station, geojson: dict[str, Any] | None = None, ground_m: float | None = None) -> Site:
        """From the station file and the site beside it; heights are above the station's zero mark."""
        sonics = [product.sonic for product in station.products if product.kind == "eddy"]
        height = station.instrument(sonics[0]).mounting.height_m if sonics else 10.0
        if ground_m is None:
            ground_m = _ground(station, geojson or {})
        floats = station.platform != "fixed"
        return cls(
            latitude_deg=station.position.latitude_deg,
            longitude_deg=station.position.longitude_deg,
            surface=station.surface,
            floats=floats,
            datum_1985_m=station.datum.datum_1985_m,
            ground_m=0.0 if ground_m is None else ground_m,
            sonic_height_m=height,
            bed_m=None if floats else ground_m,
        )


def _ground(station: Station, geojson: dict[str, Any]) -> float | None:
    """Height of the station's surface above its zero, from the elevation of that surface in the site file; None if it has none."""
    for feature in geojson.get("features", []):
        properties = feature.get("properties", {})
        if properties.get("surface") == station.surface and "elevation_1985_m" in properties:
            return float(properties["elevation_1985_m"]) + station.datum.datum_1985_m
    return None


def nearest_region(latitude_deg: float, longitude_deg: float) -> str:
    """The region of regions.yaml whose reference position is nearest."""

    def distance(row: dict[str, Any]) -> float:
        return float(np.hypot(row["position"][0] - latitude_deg, row["position"][1] - longitude_deg))

    regions = table("regions")
    return min(regions, key=lambda name: distance(regions[name]))


def _prescribed_sea(config: WorldConfig) -> SeaState | None:
    """The sea that is the same for ever, when the world's file gives its height and period."""
    wanted = config.waves
    if wanted.significant_height_m is None or wanted.peak_period_s is None:
        return None
    usual_from_deg = 70.0 if config.wind_from_deg is None else config.wind_from_deg
    return SeaState(wanted.significant_height_m, wanted.peak_period_s, usual_from_deg if wanted.from_deg is None else wanted.from_deg)


@dataclass(frozen=True)
class Air:
    """Turbulent air on the base grid: wind to the east, to the north and up (m s-1), temperature (degC), dry mole fractions
    (umol mol-1 and mmol mol-1), pressure (hPa)."""

    east: Array
    north: Array
    up: Array
    temperature: Array
    co2: Array
    h2o: Array
    pressure: Array


class World:
    """One station's world. Not for use from two threads."""

    def __init__(self, config: WorldConfig, site: Site, rate_hz: int = 20) -> None:
        name = config.region or nearest_region(site.latitude_deg, site.longitude_deg)
        if site.surface not in table("surfaces"):
            raise WorldFileError(f"surface {site.surface!r} is not known to the bench; known are {', '.join(table('surfaces'))}")
        region = table("regions")[name]
        self.config = config
        self.site = site
        self._mean_level = region["mean_level_1985_m"]
        constants = config.tide or {name: Constant(*row) for name, row in region["tide"].items()}
        self.tide = Tide(constants)
        self.weather = Weather(config, region["climate"], site.latitude_deg, site.longitude_deg)
        self.water = Water(config.seed, region["water"], self.weather, self.tide)
        self.surge = Surge(region["shelf"], self.weather)
        self.current = Current(region["current"], self.tide)
        self.growth = Growth(config.seed, self.weather, self.water, self._cleaned_s())
        self.surface = Surface(table("surfaces")[site.surface], config.fluxes)
        self._seas = SeaStates(self.weather.at, Fetch(table("fetches")[name]), None if site.bed_m is None else self._depth_over_bed_m)
        self.waves = Waves(
            config.seed, _prescribed_sea(config) or self._sea, floats=site.floats if config.waves.rides is None else config.waves.rides
        )
        self.power = Power(self.weather)
        self.turbulence = Turbulence(config.seed, rate_hz, self._block_truth, exact=config.turbulence.statistics == "exact")
        self._blocks: OrderedDict[int, BlockTruth] = OrderedDict()
        self._minutes: OrderedDict[int, Array] = OrderedDict()
        self._air: OrderedDict[tuple[int, Sensor | None], Air] = OrderedDict()
        self._sensors: set[Sensor | None] = set()
        self._means: OrderedDict[int, Air] = OrderedDict()

    def state(self, t_ms: Array) -> dict[str, Array]:
        """Every true value at UTC milliseconds ``t_ms`` (shape n), as in `TRUTH_UNITS`; straight lines between whole minutes."""
        t_s = np.atleast_1d(np.asarray(t_ms, dtype=np.float64)) / 1e3
        blocks = np.floor(t_s / BLOCK_S).astype(np.int64)
        out = np.empty((len(TRUTH_UNITS), len(t_s)))
        for block in set(blocks.tolist()):
            mask = blocks == block
            minutes = (t_s[mask] - block * BLOCK_S) / 60.0
            whole = np.minimum(minutes.astype(np.int64), BLOCK_S // 60 - 1)
            nodes = self._nodes(block)
            left = nodes[:, whole]
            out[:, mask] = left + (minutes - whole) * (nodes[:, whole + 1] - left)
        state = dict(zip(TRUTH_UNITS, out, strict=True))
        for name in DIRECTIONS:
            state[name] = state[name] % 360.0
        return state

    def _nodes(self, block: int) -> Array:
        """Values at the 31 whole minutes of a half-hour, rows as in TRUTH_UNITS; directions unwrapped."""
        if block not in self._minutes:
            values = self._compute(block * BLOCK_S + np.arange(0.0, BLOCK_S + 1, 60.0))
            for name in DIRECTIONS:
                values[name] = np.degrees(np.unwrap(np.radians(values[name])))
            self._minutes[block] = np.array([values[name] for name in TRUTH_UNITS])
            while len(self._minutes) > 8:
                self._minutes.popitem(last=False)
        return self._minutes[block]

    def _compute(self, t_s: Array) -> dict[str, Array]:
        state = self.weather.at(t_s)
        water = self.water.at(t_s)
        state.update({name: water[name] for name in ("water_temperature", "salinity", "pco2_water", "ph_total")})
        state.update(self._oxygen(state, water["dissolved_oxygen_mmol_m3"]))
        for name, per_m3 in (("dissolved_inorganic_carbon", "dic_mmol_m3"), ("total_alkalinity", "alkalinity_mmol_m3")):
            state[name] = 1e3 * water[per_m3] / state["water_density"]
        state["tide_level"] = self._mean_level + self.tide.level_m(t_s)
        state["surge"] = self.surge.at(t_s, state["air_pressure"])
        state["water_level_1985"] = state["tide_level"] + state["surge"]
        state["water_level"] = state["water_level_1985"] + self.site.datum_1985_m
        state["current_east"], state["current_north"] = self.current.at(t_s, state["wind_speed"], state["wind_from_direction"])
        state["salt"], state["fouling"] = self.growth.at(t_s)
        state["flooded"] = self.flooded(state["water_level"])
        state.update(self.surface.fluxes(state, state["flooded"]))
        sea = self.waves.sea_at(t_s)
        names = ("significant_wave_height", "wave_peak_period", "wave_from_direction")
        return state | dict(zip(names, (sea[key] for key in ("significant_height", "peak_period", "from_direction")), strict=True))

    def _sea(self, hour: int) -> Sea:
        """What the wind has raised at a whole hour; what the world's file prescribes of it is as prescribed, and has no swell beside it."""
        sea, wanted = self._seas.at_hour(hour), self.config.waves
        given = (wanted.significant_height_m, wanted.peak_period_s, wanted.from_deg)
        if given == (None, None, None):
            return sea
        of_wind = (sea.significant_height_m, sea.wind_sea.peak_period_s, sea.wind_sea.from_deg)
        state = SeaState(*(a if a is not None else b for a, b in zip(given, of_wind, strict=True)))
        return Sea(state, replace(state, significant_height_m=0.0))

    def _depth_over_bed_m(self, t_s: Array) -> Array:
        """Water over the ground at a station that stands on it."""
        level_1985 = self._mean_level + self.tide.level_m(t_s)
        return np.asarray(level_1985 + self.site.datum_1985_m - (self.site.bed_m or 0.0))

    def truth(self, t_ms: float) -> dict[str, float]:
        """`state` at one instant, plain numbers."""
        return {name: float(values[0]) for name, values in self.state(np.array([t_ms])).items()}

    def value(self, name: str, t_ms: Array) -> Array:
        """One of `state`'s values (none of `DIRECTIONS`): quick enough for every sample of a fast instrument."""
        row = ROWS[name]
        t_s = t_ms / 1e3
        block = int(t_s[0] // BLOCK_S)
        if t_s[-1] >= (block + 1) * BLOCK_S:
            return self.state(t_ms)[name]
        return np.asarray(np.interp(t_s - block * BLOCK_S, MINUTES_S, self._nodes(block)[row]))

    def behind_film(self, state: dict[str, Array], t_ms: Array) -> dict[str, Array]:
        """Oxygen and pCO2 of ``state`` as a sensor under the film of then meets them: late, and with what the film makes and eats."""
        film = behind_film(state["fouling"], state["shortwave"])
        names = ("dissolved_oxygen", "pco2_water", "dissolved_inorganic_carbon")
        then = {name: self.value(name, t_ms - 1e3 * film.late_s) for name in names}
        oxygen = then["dissolved_oxygen"] + film.oxygen_mmol_m3 * physics.M_OXYGEN
        oxygen = np.maximum(oxygen, 0.0)
        # a film that makes oxygen takes carbon: by the Revelle factor and the ratio of the two
        carbon = 1e3 * film.oxygen_mmol_m3 / PHOTOSYNTHETIC_QUOTIENT / state["water_density"]
        pco2 = then["pco2_water"] * np.exp(-REVELLE * carbon / then["dissolved_inorganic_carbon"])
        return state | {
            "dissolved_oxygen": oxygen,
            "oxygen_saturation": 100.0 * oxygen / state["oxygen_at_saturation"],
            "pco2_water": pco2,
        }

    def mean_truth(self, start_ms: float, length_ms: float) -> dict[str, float]:
        """Means over a period of everything in `TRUTH_UNITS` (from every ten seconds; directions on the circle)."""
        state = self.state(np.arange(start_ms + 5e3, start_ms + length_ms, 1e4))
        out = {name: float(values.mean()) for name, values in state.items()}
        for name in DIRECTIONS:
            turned = np.exp(1j * np.radians(state[name])).mean()
            out[name] = float(np.degrees(np.angle(turned)) % 360.0)
        return out

    def _cleaned_s(self) -> float | None:
        if self.config.cleaned is not None:
            return self.config.cleaned.timestamp()
        return None if self.weather.scenario is None else self.weather.scenario.cleaned_s

    def flooded(self, level_m: Array) -> Array:
        """Share of the station's surface under water (open water: always 1)."""
        if self.surface.is_water:
            return np.ones_like(level_m)
        return flooded_share(level_m, self.site.ground_m)

    def height_over_surface_m(self, height_m: float, level_m: Array) -> Array:
        """Height above water or ground of something mounted ``height_m`` above the station's zero."""
        if self.site.floats:
            return np.full_like(level_m, max(height_m, MIN_HEIGHT_M))
        return np.asarray(np.maximum(height_m - np.maximum(level_m, self.site.ground_m), MIN_HEIGHT_M))

    def depth_m(self, height_m: float, level_m: Array) -> Array:
        """Water above something mounted ``height_m`` above zero; 0 when it is dry. A float carries its instruments with it."""
        return np.asarray(np.maximum((np.zeros_like(level_m) if self.site.floats else level_m) - height_m, 0.0))

    def wind_at(self, height_m: float, state: dict[str, Array]) -> Array:
        """Mean wind at an instrument's height."""
        over = self.height_over_surface_m(height_m, state["water_level"])
        return self.surface.wind_at(over, state["wind_speed"], state["flooded"])

    def eddy_truth(self, start_ms: float, length_ms: float) -> dict[str, float]:
        """True fluxes of a period: the mean over its seconds of what the turbulence was made from (momentum_flux negative downward)."""
        names = ("friction_velocity", "sensible_heat_flux", "latent_heat_flux", "co2_flux", "stress", "obukhov_length", "air_density")
        sums = dict.fromkeys(names, 0.0)
        seconds = np.arange(start_ms / 1e3 + 0.5, (start_ms + length_ms) / 1e3)
        for t_s in seconds:
            for block, weight in self.turbulence.truth_at(float(t_s)):
                rho = block.dry_density * (physics.M_DRY_AIR + block.vapour * 1e-3 * physics.M_WATER)
                values = (block.friction_velocity, block.sensible_heat_flux, block.latent_heat_flux, block.co2_flux)
                for name, value in zip(names, (*values, rho * block.friction_velocity**2, block.obukhov_length, rho), strict=True):
                    sums[name] += weight * value
        out = {name: total / len(seconds) for name, total in sums.items()}
        out["momentum_flux"] = -out.pop("stress")
        out["friction_velocity"] = float(np.sqrt(-out["momentum_flux"] / out["air_density"]))
        return out

    @property
    def rides(self) -> bool:
        """The station floats and its platform moves with the sea."""
        return self.site.floats and self.waves.floats

    def air(self, first: int, count: int, step: int = 1, sensor: Sensor | None = None) -> Air:
        """Samples ``first``, ``first + step``, … of the base grid (sample k at k / rate seconds UTC): the true air at a point, or as a
        sensor at rest has it (`turbulence.Sensor`)."""
        per_block = BLOCK_S * self.turbulence.rate_hz
        parts = []
        end = first + count * step
        while first < end:
            number = first // per_block
            stop = min(end, (number + 1) * per_block)
            picked = len(range(first, stop, step))
            block = self._air_block(number, sensor)
            cut = slice(first - number * per_block, stop - number * per_block, step)
            parts.append([getattr(block, name)[cut] for name in Air.__dataclass_fields__])
            first += picked * step
        if len(parts) == 1:
            return Air(*parts[0])
        return Air(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _air_block(self, number: int, sensor: Sensor | None) -> Air:
        if (number, sensor) not in self._air:
            self._sensors.add(sensor)
            self._air[number, sensor] = self._make_air(number, sensor)
            while len(self._air) > 2 * len(self._sensors):
                self._air.popitem(last=False)
        return self._air[number, sensor]

    def _make_air(self, number: int, sensor: Sensor | None) -> Air:
        """One half-hour: the means and the fluctuations, turned into the direction of the wind."""
        u, v, w, t, c, q = self.turbulence.block(number, sensor)
        mean = self._mean_air(number)
        length = np.maximum(np.hypot(mean.east, mean.north), 1e-6)
        along_e, along_n = mean.east / length, mean.north / length
        return Air(
            east=mean.east + u * along_e - v * along_n,
            north=mean.north + u * along_n + v * along_e,
            up=np.asarray(w, dtype=np.float64),
            temperature=mean.temperature + t,
            co2=mean.co2 + c,
            h2o=np.maximum(mean.h2o + q, 0.0),
            pressure=mean.pressure.copy(),
        )

    def _mean_air(self, number: int) -> Air:
        """The means of a half-hour sample by sample, straight lines between whole minutes; every sensor has the same."""
        if number not in self._means:
            nodes = number * BLOCK_S + np.arange(0.0, BLOCK_S, 60.0)
            nodes = np.append(nodes, (number + 1) * BLOCK_S - 1e-3)
            state = self.state(nodes * 1e3)
            speed = self.wind_at(self.site.sonic_height_m, state)
            toward = np.unwrap(np.radians(state["wind_from_direction"] + 180.0))
            at = number * BLOCK_S + np.arange(BLOCK_S * self.turbulence.rate_hz) / self.turbulence.rate_hz
            still = np.zeros_like(nodes)
            rows = (speed * np.sin(toward), speed * np.cos(toward), still)
            names = ("air_temperature", "co2_air", "h2o_mole_fraction", "air_pressure")
            self._means[number] = Air(*(np.interp(at, nodes, row) for row in (*rows, *(state[name] for name in names))))
            while len(self._means) > 2:
                self._means.popitem(last=False)
        return self._means[number]

    def _block_truth(self, number: int) -> BlockTruth:
        if number not in self._blocks:
            state = self.state(np.array([(number + 0.5) * BLOCK_S * 1e3]))
            density = physics.dry_air_density_mol_m3(state["air_pressure"], state["air_temperature"], state["h2o_mole_fraction"] / 1e3)
            displacement = float(self.surface.displacement_m(state["flooded"])[0])
            height = float(self.height_over_surface_m(self.site.sonic_height_m, state["water_level"])[0])
            bow = self.waves.bow_deg((number + 0.5) * BLOCK_S) if self.rides else 0.0
            self._blocks[number] = BlockTruth(
                friction_velocity=float(state["friction_velocity"][0]),
                sensible_heat_flux=float(state["sensible_heat_flux"][0]),
                latent_heat_flux=float(state["latent_heat_flux"][0]),
                co2_flux=float(state["co2_flux"][0]),
                height_m=max(height - displacement, MIN_HEIGHT_M),
                wind_ms=float(self.wind_at(self.site.sonic_height_m, state)[0]),
                dry_density=float(density[0]),
                temperature_c=float(state["air_temperature"][0]),
                vapour=float(state["h2o_mole_fraction"][0]),
                wind_toward_deg=float(state["wind_from_direction"][0]) + 180.0 - bow,
            )
            while len(self._blocks) > 16:
                self._blocks.popitem(last=False)
        return self._blocks[number]

    def _oxygen(self, state: dict[str, Array], oxygen_mmol_m3: Array) -> dict[str, Array]:
        saturated = physics.oxygen_solubility_mmol_m3(state["water_temperature"], state["salinity"], state["air_pressure"])
        return {
            "dissolved_oxygen": oxygen_mmol_m3 * physics.M_OXYGEN,
            "oxygen_at_saturation": saturated * physics.M_OXYGEN,
            "oxygen_saturation": 100.0 * oxygen_mmol_m3 / saturated,
            "water_density": physics.seawater_density_kg_m3(state["water_temperature"], state["salinity"]),
        }
