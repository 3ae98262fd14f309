"""The table of rules that the one class of a flux is made from: data, read by `combined`.

Which series, spectral factors and ranges belong to a flux, and what number of a window makes a flux which class at best, each
with its source or its reasoning. Not here: how a rule is applied.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SERIES = {
    "momentum_flux": ("wind_u", "wind_v", "wind_w", "horizontal_wind"),
    "sensible_heat_flux": ("wind_w", "sonic_temperature", "horizontal_wind"),
    "latent_heat_flux": ("wind_w", "h2o", "horizontal_wind"),
    "h2o_flux": ("wind_w", "h2o", "horizontal_wind"),
    "co2_flux": ("wind_w", "co2", "horizontal_wind"),
}
"""the series that a flux rests on; with an open path the gas fluxes rest on temperature and water vapour too"""
DENSITY_SERIES = {"latent_heat_flux": ("sonic_temperature",), "h2o_flux": ("sonic_temperature",), "co2_flux": ("sonic_temperature", "h2o")}
FACTORS = {
    "momentum_flux": ("momentum", "momentum_flux"),
    "sensible_heat_flux": ("heat", "sonic_temperature", "sensible_heat_flux"),
    "latent_heat_flux": ("h2o", "latent_heat_flux"),
    "h2o_flux": ("h2o", "h2o_flux"),
    "co2_flux": ("co2", "co2_flux"),
}
"""the names under which a flux's spectral factor may stand"""
RANGES = {
    "momentum_flux": (-5.0, 1.0),
    "sensible_heat_flux": (-200.0, 900.0),
    "latent_heat_flux": (-150.0, 1000.0),
    "h2o_flux": (-3.4e-3, 23e-3),
    "co2_flux": (-100e-6, 100e-6),
}
"""kg m-1 s-2, W m-2, W m-2, mol m-2 s-1, mol m-2 s-1: what a surface under the sun can do. The largest heat fluxes are bounded by the
radiation that reaches the ground (about 1000 W m-2); CO2 by the most productive crops and by dense respiring soils (FLUXNET: -100 to
100)"""
LARGEST_ERROR = {
    "momentum_flux": 1.0,
    "sensible_heat_flux": 150.0,
    "latent_heat_flux": 200.0,
    "h2o_flux": 4.5e-3,
    "co2_flux": 20e-6,
}
"""random errors beyond this come from a damaged series, not from turbulence: half-hours of strong fluxes have a tenth to a fifth of it"""


@dataclass(frozen=True)
class Rule:
    """One line of the table: reading a number of that name above ``above``, or below ``below``, makes the flux class ``makes`` at best.
    ``reads`` may hold ``{flux}``, ``{series}``, ``{gas}`` and ``{factor}``; a ``*`` stands for any test. ``only`` the fluxes it is for
    (all)."""

    reads: str
    makes: int
    says: str
    source: str
    above: float = math.inf
    below: float = -math.inf
    only: tuple[str, ...] = ()


GAS_FLUXES = ("latent_heat_flux", "h2o_flux", "co2_flux")
VICKERS = "Vickers & Mahrt 1997, J. Atmos. Oceanic Technol. 14, 512-526"
SABBATINI = "Sabbatini et al. 2018, International Agrophysics 32, 495-515"
REASONED = "reasoned: "
RULES: tuple[Rule, ...] = (
    Rule("hard_flag_spikes_{series}", 2, "spikes in {series}", VICKERS, above=0.5),
    Rule("hard_flag_amplitude_resolution_{series}", 2, "the steps of {series} are too coarse", VICKERS, above=0.5),
    Rule("hard_flag_dropout_{series}", 2, "{series} sticks at values", VICKERS, above=0.5),
    Rule("hard_flag_skewness_kurtosis_{series}", 2, "skewness or kurtosis of {series} are not of turbulence", VICKERS, above=0.5),
    Rule("hard_flag_discontinuities_{series}", 1, "a jump in {series}", VICKERS + " (fronts and clouds jump too)", above=0.5),
    Rule("hard_flag_attack_angle_{series}", 1, "steep angles of attack", VICKERS, above=0.5),
    Rule("hard_flag_steadiness_{series}", 1, "the wind changed in the window", VICKERS, above=0.5),
    Rule("hard_flag_lag_{series}", 1, "the covariance of {series} is far larger at another lag", VICKERS, above=0.5),
    Rule("hard_flag_*_{series}", 1, "{series} failed the test {test}", VICKERS, above=0.5),
    Rule("soft_flag_*_{series}", 1, "{series} is unusual by the test {test}", VICKERS, above=0.5),
    Rule(
        "outside_share_{series}",
        2,
        "samples of {series} out of the absolute limits",
        REASONED + "one in a hundred is no single spike",
        above=0.01,
    ),
    Rule(
        "clipped_share_{series}",
        2,
        "{series} is clipped at its largest or smallest value",
        REASONED + "the extreme of turbulence is met once or twice in a window (at most 2 of 18,000 samples in the reference data)",
        above=0.01,
    ),
    Rule(
        "clipped_share_{series}", 1, "{series} seems clipped at its largest or smallest value", REASONED + "as before, a fifth", above=0.002
    ),
    Rule(
        "neighbour_correlation_{series}",
        2,
        "{series} is noise",
        REASONED
        + "at the rates of eddy covariance neighbouring samples of turbulence have most in common (0.6 and more in the reference data)",
        below=0.1,
    ),
    Rule("neighbour_correlation_{series}", 1, "{series} is mostly noise", REASONED + "four fifths of its variance are noise", below=0.2),
    Rule(
        "repeat_share_{series}",
        1,
        "{series} repeats its samples",
        "Vitale et al. 2020, Biogeosciences 17, 1367-1391 (a rate that is not the declared one); reasoned: two in five",
        above=0.4,
    ),
    Rule(
        "samples_per_expected",
        2,
        "there are more samples than the period holds at the declared rate",
        REASONED + "one in a hundred is no drift of a clock",
        above=1.01,
    ),
    Rule(
        "joint_break",
        1,
        "several series step at one moment",
        REASONED + "such a window holds two kinds of weather; at most 5.7 in the reference data",
        above=6.0,
    ),
    Rule(
        "nonstationarity_variance_{series}",
        1,
        "{series} wandered or jumped",
        "Foken & Wichura 1996, for variances; reasoned: nine tenths of the variance lie between the parts of the window",
        above=90.0,
    ),
    Rule("share_{series}", 2, "samples of {series} missing", "Foken et al. 2012, in Eddy Covariance, ch. 4: a tenth at most", below=0.90),
    Rule("share_{series}", 1, "some samples of {series} missing", SABBATINI, below=0.95),
    Rule("diagnostic_share_{series}", 2, "the instrument complained about {series}", REASONED + "as missing samples", above=0.10),
    Rule("diagnostic_share_{series}", 1, "the instrument complained at times about {series}", REASONED + "as missing samples", above=0.01),
    Rule(
        "signal_strength_{gas}",
        2,
        "the signal of the {gas} analyser is weak",
        REASONED + "half of the light is lost to salt or water",
        below=50.0,
    ),
    Rule(
        "signal_strength_{gas}", 1, "the signal of the {gas} analyser is reduced", "Campbell Scientific, EasyFlux: 0.7 at least", below=70.0
    ),
    Rule("error_ratio_{flux}", 1, "the random error is as large as the flux", REASONED + "the sign is not known", above=1.0),
    Rule(
        "below_detection_{flux}",
        1,
        "the flux is below its detection limit",
        "Langford et al. 2015, Atmos. Meas. Tech. 8, 4197-4213",
        above=0.5,
    ),
    Rule("excess_error_{flux}", 2, "the random error is larger than turbulence makes it", REASONED + "see LARGEST_ERROR", above=1.0),
    Rule("out_of_range_{flux}", 2, "the flux is out of its physical range", REASONED + "see RANGES", above=0.5),
    Rule(
        "momentum_flux",
        1,
        "momentum goes upward",
        "Grachev & Fairall 2001, J. Phys. Oceanogr. 31: rare, over swell",
        above=0.0,
        only=("momentum_flux",),
    ),
    Rule(
        "energy_w_m2",
        2,
        "H + LE exceed the sun",
        REASONED + "1361 W m-2 above the atmosphere",
        above=1300.0,
        only=("sensible_heat_flux", *GAS_FLUXES),
    ),
    Rule(
        "cov_sonic_temperature_sonic_temperature", 2, "temperature varies by more than 3 K", REASONED + "T* above 1 K is unknown", above=9.0
    ),
    Rule(
        "dry_condensation",
        1,
        "water condenses out of dry air",
        REASONED + "LE below -30 W m-2 at RH below 60 %",
        above=0.5,
        only=GAS_FLUXES,
    ),
    Rule(
        "relative_humidity_percent",
        1,
        "relative humidity above 105 %",
        REASONED + "the analyser is wet or off",
        above=105.0,
        only=GAS_FLUXES,
    ),
    Rule(
        "relative_humidity_percent",
        2,
        "the air is drier than air gets",
        REASONED + "below 3 % the analyser is off, or another column stands for it",
        below=3.0,
        only=("sensible_heat_flux", *GAS_FLUXES),
    ),
    Rule(
        "relative_humidity_percent",
        1,
        "the air is very dry",
        REASONED + "below 10 % only in deserts",
        below=10.0,
        only=("sensible_heat_flux", *GAS_FLUXES),
    ),
    Rule("spectral_factor_{factor}", 2, "two thirds of the flux are correction", REASONED + "the model decides the flux", above=3.0),
    Rule("spectral_factor_{factor}", 1, "a third of the flux is correction", REASONED + "losses above 30 %", above=1.5),
    Rule("lag_{gas}_is_default", 1, "no clear lag of {gas}", "Langford et al. 2015: without a peak the covariance may be noise", above=0.5),
)
"""the table; rules are read in this order, the worst class wins"""
OWN_RULES = frozenset(
    {
        "hard_flag_spikes",
        "hard_flag_amplitude_resolution",
        "hard_flag_dropout",
        "hard_flag_skewness_kurtosis",
        "hard_flag_discontinuities",
        "hard_flag_attack_angle",
        "hard_flag_steadiness",
        "hard_flag_lag",
        "hard_flag_absolute_limits",
        "soft_flag_discontinuities",
    }
)
"""flags that the rules with a star leave alone: they have a rule of their own, or none. A single sample out of the absolute limits is a
spike that was taken out (see outside_share); the soft limits of discontinuities are in m s-1 and ppm, and strong turbulence passes them"""
