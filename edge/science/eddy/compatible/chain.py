"""The steps of the compatible chain: what EddyPro 7 does, in its order. Where a step is ours, EddyPro does the same; where it errs, the
step is of this package or takes the parameter that makes it err alike.
"""

from __future__ import annotations

from functools import partial

from edge.science.eddy import correct
from edge.science.eddy.compatible import air_state, density_limits, fluxes, mass_densities, stability
from edge.science.eddy.compatible.constants import ROUNDED_MOLAR_MASS_WATER, VON_KARMAN
from edge.science.eddy.density import properties
from edge.science.eddy.footprint import step as footprint
from edge.science.eddy.moments import covariances, detrend, momentum, random_error
from edge.science.eddy.moments.integral_scale import ONE_E_FOLD, ZERO_CROSSING
from edge.science.eddy.quality import classes, integral_turbulence, stationarity
from edge.science.eddy.screening import amplitude, diagnostics, differences, moments, presence
from edge.science.eddy.screening.vickers_mahrt import CELL_THRESHOLDS, THRESHOLDS
from edge.science.eddy.setup import Learnt, Methods, Setup
from edge.science.eddy.sonic import mean_wind
from edge.science.eddy.spectral import degraded, spectra
from edge.science.eddy.spectral.transfer_functions import KINEMATIC_VISCOSITY
from edge.science.eddy.window import Chain


def steps(setup: Setup, methods: Methods, learnt: Learnt) -> Chain:
    """The list for one window."""
    present = partial(presence.step, minimum_share=methods.minimum_share)
    return (
        *((("mass_densities", partial(mass_densities.step, gases=setup.mass_densities)),) if setup.mass_densities else ()),
        *correct.right_handed(setup),
        ("diagnostics", partial(diagnostics.step, gas_word=setup.gas_word, good_status=setup.good_status)),
        ("presence", present),
        ("limits", partial(density_limits.coarse_step, pressure_pa=setup.pressure_pa)),
        *correct.spikes(setup, methods, {**THRESHOLDS, **CELL_THRESHOLDS}),
        ("presence_after_screening", present),
        ("amplitude", partial(amplitude.step, averaging_s=setup.averaging_s, whole_division=True)),
        ("moments", moments.step),
        *correct.sonic_corrections(setup, methods),
        *correct.dry_mole_fractions(setup, methods),
        ("mean_wind", partial(mean_wind.step, u_from_deg=setup.u_from_deg)),
        correct.rotation(methods, learnt),
        ("differences", partial(differences.step, divisor_less=1)),
        correct.lag(setup, methods, learnt),
        ("density_limits", partial(density_limits.exact_step, pressure_pa=setup.pressure_pa)),
        ("stationarity", partial(stationarity.step, whole_percent=True)),
        ("detrending", partial(detrend.step, method=methods.detrending, time_constant_s=methods.detrending_s)),
        ("covariances", covariances.step),
        ("air_state", partial(air_state.step, pressure_pa=setup.pressure_pa)),
        ("momentum", momentum.step),
        ("uncorrected_stability", partial(stability.uncorrected_step, height_m=setup.height_m)),
        *correct.surface_heating(setup, methods),
        *spectral_factors(setup, methods),
        ("momentum_corrected", momentum.corrected_step),
        ("fluxes", partial(fluxes.step, density=methods.density)),
        *random_errors(setup, methods),
        ("stability", partial(stability.step, height_m=setup.height_m)),
        ("properties", partial(properties.step, averaging_s=setup.averaging_s, molar_mass_water=ROUNDED_MOLAR_MASS_WATER)),
        (
            "integral_turbulence",
            partial(
                integral_turbulence.step,
                latitude_deg=setup.latitude_deg,
                whole_percent=True,
                earth_rotation_rad_s=integral_turbulence.SOLAR_DAY_ROTATION_RAD_S,
            ),
        ),
        ("spectra", partial(spectra.step, height_m=setup.height_m, power_of_two=True, linear=False, taper=True, drop_leading_twice=True)),
        ("degraded_heat", partial(degraded.step, power_of_two=True, linear=False, drop_leading_twice=True, one_too_high=True)),
        (
            "footprint",
            partial(
                footprint.step,
                **correct.footprint_facts(setup, methods),
                von_karman=VON_KARMAN,
                from_integral=False,
                whole_metres=True,
                two_dimensional=False,
            ),
        ),
        ("classes", partial(classes.step, platform_moves=setup.platform_moves, foken_third=False, scheme=methods.quality)),
    )


def random_errors(setup: Setup, methods: Methods) -> Chain:
    """Of the covariances, ended at one integral scale, converted with each flux's factor before any correction."""
    if methods.random_error == "none":
        return ()
    chosen = partial(
        random_error.step,
        height_m=setup.height_m,
        method=methods.random_error,
        until={"zero_crossing": ZERO_CROSSING, "one_over_e": ONE_E_FOLD, "whole": None}[methods.integral_scale],
        weighted=False,
    )
    return (("random_error", chosen), ("random_error_of_fluxes", random_error.converted_step))


def spectral_factors(setup: Setup, methods: Methods) -> Chain:
    """EddyPro's integration of Moncrieff's factors: the high-pass squared, paths unrooted, the whole separation, up to 10 Hz."""
    return correct.spectral_factors(
        setup,
        methods,
        high_pass_once=False,
        rooted_paths=False,
        crosswind_only=False,
        highest_hz=10.0,
        trapezoid=False,
        viscosity=KINEMATIC_VISCOSITY,
    )
