"""Heat given off by the surfaces of an upright LI-7500 in the open path, after Burba et al. (2008), method 4.

The density correction of CO2 needs the heat flux in the path; a window, a ball and a spar that are warmer than the air add to it: H +
Hbottom + Htop + 0.15 Hspar. The heat of a surface follows from its temperature and the thickness of its boundary layer (Nobel 1983: a flat
plate, a sphere, a cylinder). The surface's temperature is a linear or multiple regression that Burba et al. fitted (tables 2 and 3, by day
and night, and their table 1 for the sizes). The paper's coefficients are not printed here: we have not seen them in a source we could
check. The caller gives them. The correction is meant for cold sites (below -10 degC) and upright instruments, and is best left off
elsewhere. H itself is left as it is: what the surfaces give off in the path is not what the ground gives off. Source: Burba, McDermitt,
Grelle, Anderson & Xu 2008, Global Change Biology 14, 1854-1876; Nobel 1983, Biophysical Plant Physiology and Ecology, ch. 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.science.constants import CELSIUS_ZERO_K
from edge.science.eddy.window import Window

SPAR_SHARE = 0.15
"""part of the spar's heat that enters the path (Burba et al. 2008, eq. of method 4)"""


@dataclass(frozen=True)
class Regression:
    """Surface temperature in degC: ``offset + slope t + per_radiation R + per_wind U``, t air temperature in degC, R radiation in W m-2
    (global by day, long-wave down by night), U wind in m s-1. The linear form has only the first two; the paper's multiple form is of the
    difference to the air, so 1 is added to its slope."""

    offset: float
    slope: float
    per_radiation: float = 0.0
    per_wind: float = 0.0

    def at(self, temperature_c: float, radiation: float = math.nan, wind: float = math.nan) -> float:
        """The surface's temperature, degC; NaN when something it uses is NaN."""
        t = self.offset + self.slope * temperature_c
        t += self.per_radiation * radiation if self.per_radiation else 0.0
        return t + (self.per_wind * wind if self.per_wind else 0.0)


@dataclass(frozen=True)
class Surface:
    """Size of a surface: ``length_m`` along the wind, ``radius_m`` (0 for a plate), ``extra_m`` added to its boundary layer."""

    length_m: float
    radius_m: float = 0.0
    extra_m: float = 0.0


def air_conductivity(temperature_c: float) -> float:
    """Heat conductivity of air, W m-1 K-1: 418.4e-5 (5.69 + 0.017 t).

    Parameters: degC. NaN gives NaN. Source: Pruppacher & Klett 1997, Microphysics of Clouds and Precipitation, eq. 13-18a (in cal cm-1
    s-1 K-1).

    >>> round(air_conductivity(0.0), 4)
    0.0238
    """
    return 418.4e-5 * (5.69 + 0.017 * temperature_c)


def plate_layer_m(length_m: float, wind: float) -> float:
    """Boundary layer of a flat plate, m: 0.004 sqrt(l / U). Parameters: m, m s-1; NaN, or no wind, gives NaN. Nobel 1983.

    >>> plate_layer_m(0.04, 1.0)
    0.0008
    """
    return 0.004 * math.sqrt(length_m / wind) if wind > 0.0 and length_m > 0.0 else math.nan


def sphere_layer_m(diameter_m: float, wind: float) -> float:
    """Boundary layer of a sphere, m: 0.0028 sqrt(d / U) + 0.00025 / U. Parameters: m, m s-1; NaN, or no wind, gives NaN. Nobel 1983.

    >>> round(sphere_layer_m(0.04, 1.0), 6)
    0.00081
    """
    return 0.0028 * math.sqrt(diameter_m / wind) + 0.00025 / wind if wind > 0.0 and diameter_m > 0.0 else math.nan


def cylinder_layer_m(diameter_m: float, wind: float) -> float:
    """Boundary layer of a cylinder, m: 0.0058 sqrt(d / U). Parameters: m, m s-1; NaN, or no wind, gives NaN. Nobel 1983.

    >>> round(cylinder_layer_m(0.04, 1.0), 6)
    0.00116
    """
    return 0.0058 * math.sqrt(diameter_m / wind) if wind > 0.0 and diameter_m > 0.0 else math.nan


def plate_heat(excess_k: float, conductivity: float, layer_m: float) -> float:
    """Heat of a plate, W m-2: k dT / delta. Parameters: K above the air, W m-1 K-1, m. NaN, or no layer, gives NaN.

    >>> plate_heat(1.0, 0.025, 0.005)
    5.0
    """
    return conductivity * excess_k / layer_m if layer_m > 0.0 else math.nan


def sphere_heat(excess_k: float, conductivity: float, layer_m: float, radius_m: float) -> float:
    """Heat of a sphere, W m-2: k dT (r + delta) / (r delta). Parameters: K above the air, W m-1 K-1, m, m. NaN, or no layer, gives NaN.

    >>> round(sphere_heat(1.0, 0.025, 0.005, 0.02), 9)
    6.25
    """
    return conductivity * excess_k * (radius_m + layer_m) / (radius_m * layer_m) if layer_m > 0.0 and radius_m > 0.0 else math.nan


def cylinder_heat(excess_k: float, conductivity: float, layer_m: float, radius_m: float) -> float:
    """Heat of a cylinder, W m-2: k dT / (r ln((r + delta) / r)). Parameters: K above the air, W m-1 K-1, m, m. NaN, or no layer, gives NaN.

    >>> round(cylinder_heat(1.0, 0.025, 0.005, 0.02), 3)
    5.602
    """
    return conductivity * excess_k / (radius_m * math.log1p(layer_m / radius_m)) if layer_m > 0.0 and radius_m > 0.0 else math.nan


@dataclass(frozen=True)
class Instrument:
    """The three surfaces and their temperatures, for one time of day."""

    bottom: Surface
    top: Surface
    spar: Surface
    bottom_temperature: Regression
    top_temperature: Regression
    spar_temperature: Regression


@dataclass(frozen=True)
class SurfaceHeat:
    """Heat of the bottom window, the top ball and the spar, W m-2, positive into the air; `total` is what is added to H."""

    bottom: float
    top: float
    spar: float

    @property
    def total(self) -> float:
        """Hbottom + Htop + 0.15 Hspar."""
        return self.bottom + self.top + SPAR_SHARE * self.spar


def surface_heat(
    instrument: Instrument, *, temperature_c: float, wind: float, conductivity: float, radiation: float = math.nan
) -> SurfaceHeat:
    """Heat of the three surfaces.

    Parameters: the instrument with its coefficients, air temperature in degC, wind in m s-1, heat conductivity of air in W m-1 K-1,
    radiation in W m-2 where the regression uses it. NaN, or no wind, gives NaN. Burba et al. 2008, table 1, method 4.

    >>> same = Regression(1.0, 1.0)
    >>> part = Surface(0.04, 0.02)
    >>> heat = surface_heat(Instrument(part, part, part, same, same, same), temperature_c=-10.0, wind=4.0, conductivity=0.024)
    >>> round(heat.bottom, 2), round(heat.total - heat.bottom - heat.top, 3) == round(0.15 * heat.spar, 3)
    (60.0, True)
    """
    i = instrument
    t = temperature_c
    bottom_layer = plate_layer_m(i.bottom.length_m, wind) + i.bottom.extra_m
    top_layer = sphere_layer_m(i.top.length_m, wind) + i.top.extra_m
    spar_layer = cylinder_layer_m(i.spar.length_m, wind) + i.spar.extra_m
    return SurfaceHeat(
        plate_heat(i.bottom_temperature.at(t, radiation, wind) - t, conductivity, bottom_layer),
        sphere_heat(i.top_temperature.at(t, radiation, wind) - t, conductivity, top_layer, i.top.radius_m),
        cylinder_heat(i.spar_temperature.at(t, radiation, wind) - t, conductivity, spar_layer, i.spar.radius_m),
    )


def step(window: Window, *, instrument: Instrument) -> Window:
    """Values ``surface_heat_bottom``, ``surface_heat_top``, ``surface_heat_spar`` and ``surface_heat_flux``, what the density correction of
    CO2 adds to H (W m-2). Where it cannot be had, neither can CO2."""
    t = window.value("air_temperature_k") - CELSIUS_ZERO_K
    heat = surface_heat(instrument, temperature_c=t, wind=window.value("wind_speed_ms"), conductivity=air_conductivity(t))
    each = {"surface_heat_bottom": heat.bottom, "surface_heat_top": heat.top, "surface_heat_spar": heat.spar}
    reasons = {} if math.isfinite(heat.total) else {"surface_heat_flux": "no wind or no air temperature, or a size that is not positive"}
    return window.found({**each, "surface_heat_flux": heat.total}, reasons)
