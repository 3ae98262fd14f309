"""The steps of the correct chain: each as its paper has it. The order is written here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from edge.science.eddy.density import air_state, burba, dry_mole_fraction, fluxes, properties
from edge.science.eddy.footprint import step as footprint
from edge.science.eddy.lag import search, tracker
from edge.science.eddy.lag.search import LagWindow
from edge.science.eddy.moments import covariances, detection_limit, detrend, flux_error, momentum, stability
from edge.science.eddy.quality import classes, combined, integral_turbulence, stationarity
from edge.science.eddy.quality.combined import Facts
from edge.science.eddy.rotation import angles, planar_fit
from edge.science.eddy.screening import (
    amplitude,
    attack_angle,
    breaks,
    clipped,
    diagnostics,
    differences,
    discontinuities,
    lag_test,
    limits,
    mauder,
    moments,
    presence,
    steadiness,
    stuck,
    vickers_mahrt,
)
from edge.science.eddy.setup import Learnt, Methods, Setup
from edge.science.eddy.sonic import crosswind, frames, mean_wind, wind_boost
from edge.science.eddy.spectral import degraded, factors, spectra
from edge.science.eddy.spectral import learnt as learnt_losses
from edge.science.eddy.window import Chain, Step, Window

FOOTPRINTS = {"kljun_2004": 0, "kormann_meixner": 1, "hsieh": 2}


def steps(setup: Setup, methods: Methods, learnt: Learnt) -> Chain:
    """The list for one window."""
    present = partial(presence.step, minimum_share=methods.minimum_share)
    return (
        *right_handed(setup),
        diagnosed(setup),
        ("stuck", stuck.step),
        ("presence", present),
        *dry_mole_fractions(setup, methods),
        ("limits", partial(limits.step, pressure_pa=setup.pressure_pa)),
        ("clipped", clipped.step),
        *spikes(setup, methods),
        ("presence_after_screening", present),
        ("amplitude", partial(amplitude.step, averaging_s=setup.averaging_s)),
        ("moments", moments.step),
        ("discontinuities", partial(discontinuities.step, pressure_pa=setup.pressure_pa)),
        ("breaks", breaks.step),
        ("neighbours", differences.recorded_step),
        ("steadiness", steadiness.step),
        ("attack_angle", attack_angle.step),
        *sonic_corrections(setup, methods),
        ("mean_wind", partial(mean_wind.step, u_from_deg=setup.u_from_deg)),
        rotation(methods, learnt),
        ("differences", differences.step),
        lag(setup, methods, learnt),
        ("lag_test", partial(lag_test.step, default_lag_s={gas: window.default_s for gas, window in setup.lag_windows.items()})),
        ("stationarity", partial(stationarity.step, variances=True)),
        ("detrending", partial(detrend.step, method=methods.detrending, time_constant_s=methods.detrending_s)),
        ("covariances", covariances.step),
        ("air_state", partial(air_state.step, pressure_pa=setup.pressure_pa)),
        ("momentum", momentum.step),
        ("uncorrected_stability", partial(stability.uncorrected_step, height_m=setup.height_m)),
        *surface_heating(setup, methods),
        *spectral_factors(setup, methods),
        *learnt_factors(setup, methods, learnt),
        *fluxes_of(methods),
        *random_errors(methods),
        ("stability", partial(stability.step, height_m=setup.height_m)),
        ("properties", partial(properties.step, averaging_s=setup.averaging_s)),
        ("integral_turbulence", partial(integral_turbulence.step, latitude_deg=setup.latitude_deg)),
        ("detection_limit", detection_limit.step),
        ("detection_limit_of_fluxes", detection_limit.of_fluxes_step),
        ("spectra", partial(spectra.step, height_m=setup.height_m)),
        ("footprint", partial(footprint.step, **footprint_facts(setup, methods))),
        ("turbulence_classes", partial(classes.step, platform_moves=setup.platform_moves)),
        ("classes", partial(combined.step, facts=facts_of(setup), demand_evidence=True)),
    )


def facts_of(setup: Setup) -> Facts:
    """What the combined class knows beside the numbers."""
    return Facts(platform_moves=setup.platform_moves, over_water=setup.over_water, open_path=not setup.closed_path)


def right_handed(setup: Setup) -> Chain:
    """v turned round, of a sonic whose axes are left-handed."""
    return (("right_handed", frames.unmirrored_step),) if setup.mirrored else ()


def diagnosed(setup: Setup) -> tuple[str, Step]:
    """What the instruments' own words condemn, where nobody has looked at them yet."""
    words = partial(diagnostics.step, sonic_word=setup.sonic_word, gas_word=setup.gas_word, good_status=setup.good_status)
    return ("diagnostics", words)


def sonic_corrections(setup: Setup, methods: Methods) -> Chain:
    """What the sonic itself got wrong: cross-wind in its temperature, a factor in its vertical wind."""
    factors_known = setup.crosswind_factors is not None and methods.crosswind
    crossed = partial(crosswind.step, factors=setup.crosswind_factors or (0.0, 0.0, 0.0), done_by_the_sonic=False)
    return (
        *((("crosswind", crossed),) if factors_known else ()),
        ("wind_boost", partial(wind_boost.step, model=setup.sonic_kind, firmware=setup.sonic_firmware)),
    )


def dry_mole_fractions(setup: Setup, methods: Methods) -> Chain:
    """Sample by sample, where the analyser has a cell and the density effects are to be taken out."""
    return (("dry_mole_fraction", dry_mole_fraction.step),) if setup.closed_path and methods.density else ()


def surface_heating(setup: Setup, methods: Methods) -> Chain:
    """What an open-path analyser's warm surfaces add to the heat in its path, where the station gives their coefficients."""
    if setup.surface_heating is None or setup.closed_path or not methods.density:
        return ()
    return (("surface_heating", partial(burba.step, instrument=setup.surface_heating)),)


def spikes(setup: Setup, methods: Methods, thresholds: Mapping[str, float] = vickers_mahrt.THRESHOLDS) -> Chain:
    """The despiking chosen; the window of Vickers & Mahrt is a sixth of the period, in whole minutes."""
    if methods.spikes == "none":
        return ()
    if methods.spikes == "mauder":
        return (("spikes", mauder.step),)
    window_s = 60.0 * max(1, int(setup.averaging_s / 60.0 / 6.0))
    return (("spikes", partial(vickers_mahrt.step, window_s=window_s, thresholds=thresholds)),)


def rotation(methods: Methods, learnt: Learnt) -> tuple[str, Step]:
    """The rotation chosen."""
    if methods.rotation == "planar_fit":
        return ("rotation", partial(planar_fit.step, planes=learnt.planes))
    return ("rotation", partial(angles.step, method=methods.rotation))


def lag(setup: Setup, methods: Methods, learnt: Learnt) -> tuple[str, Step]:
    """The lag chosen."""
    if methods.lag == "tracked":
        return ("lag", partial(tracker.step, windows=setup.lag_windows, learnt=learnt.lags, pressure_pa=setup.pressure_pa))
    if methods.lag in ("constant", "none"):
        fixed = {gas: one.default_s if methods.lag == "constant" else 0.0 for gas, one in setup.lag_windows.items()}
        return ("lag", partial(search.step, windows={gas: LagWindow(at, at, at) for gas, at in fixed.items()}))
    return ("lag", partial(search.step, windows=setup.lag_windows, default_at_edge=methods.lag == "maximum_with_default"))


def spectral_factors(setup: Setup, methods: Methods, **choices: Any) -> Chain:
    """The spectral correction chosen; none where the instruments' paths are not known. ``choices``: of `factors.step`."""
    if setup.sonic is None or methods.spectral == "none":
        return ()
    return (
        (
            "spectral_factors",
            partial(
                factors.step,
                sonic=setup.sonic,
                analysers=setup.analysers,
                height_m=setup.height_m,
                averaging_s=setup.averaging_s,
                detrending=methods.detrending,
                time_constant_s=methods.detrending_s,
                stability_from="uncorrected_stability",
                **choices,
            ),
        ),
    )


def learnt_factors(setup: Setup, methods: Methods, known: Learnt) -> Chain:
    """What replaces the factors of the gases when the station's own spectra are to say what is lost; with it what later windows learn."""
    if setup.sonic is None or methods.spectral not in ("horst", "ibrom", "fratini"):
        return ()
    analysers = dict(setup.analysers)
    if not methods.separation:
        analysers = {gas: replace(one, separation_m=0.0, vertical_separation_m=0.0) for gas, one in analysers.items()}
    chosen = partial(
        learnt_losses.step,
        method=methods.spectral,
        cutoffs=known.cutoffs,
        coefficients=known.ibrom,
        analysers=analysers,
        height_m=setup.height_m,
        stability_from="uncorrected_stability",
    )
    own = partial(spectra.step, height_m=setup.height_m, stability_from="uncorrected_stability")
    return (
        *((("spectra_before_fluxes", own),) if methods.spectral == "fratini" else ()),
        *((("degraded_heat", degraded.step),) if methods.spectral != "horst" else ()),
        ("learnt_factors", chosen),
    )


def fluxes_of(methods: Methods) -> Chain:
    """From covariances and factors to fluxes."""
    return (("momentum_corrected", momentum.corrected_step), ("fluxes", partial(fluxes.step, density=methods.density)))


def random_errors(methods: Methods) -> Chain:
    """The error of each corrected flux, from the covariance of w with all signals that make it."""
    if methods.random_error == "none":
        return ()

    def again(window: Window) -> Window:
        for _, step in (("momentum", momentum.step), *fluxes_of(methods)):
            window = step(window)
        return window

    return (("random_error", partial(flux_error.step, fluxes_of=again, rotated=methods.rotation in ("double", "triple"))),)


def footprint_facts(setup: Setup, methods: Methods) -> dict[str, Any]:
    """What the footprint step needs."""
    return {
        "height_m": setup.height_m,
        "roughness_length_m": setup.roughness_length_m,
        "latitude_deg": setup.latitude_deg,
        "model": FOOTPRINTS[methods.footprint],
        "areas": setup.areas,
    }
