"""Friction velocity and momentum flux from the two horizontal stress components."""

from __future__ import annotations

import math

from edge.science.eddy.window import Window


def friction_velocity(cov_uw: float, cov_vw: float) -> float:
    """u* = (<u'w'>^2 + <v'w'>^2)^(1/4), m s-1.

    Parameters: covariances in m2 s-2 (rotated frame). NaN gives NaN. Source: Stull 1988, eq. 2.10b.

    >>> round(friction_velocity(-0.09, 0.12) ** 2, 9)
    0.15
    """
    return math.sqrt(math.hypot(cov_uw, cov_vw))


def momentum_flux(cov_uw: float, cov_vw: float, air_density: float) -> float:
    """Momentum flux, kg m-1 s-2: rho u*^2 with the sign of <u'w'> (negative when the surface takes momentum, as FLUXNET reports it).

    Parameters: covariances in m2 s-2, density in kg m-3. NaN gives NaN. Source: van Dijk et al. 2004, The principles of surface flux
    physics, eq. 2.44.

    >>> round(momentum_flux(-0.09, 0.12, 1.2), 6)
    -0.18
    """
    return math.copysign(air_density * math.hypot(cov_uw, cov_vw), cov_uw) if not math.isnan(cov_uw) else math.nan


def step(window: Window) -> Window:
    """Values ``uncorrected_friction_velocity`` and ``uncorrected_momentum_flux``: what the covariances alone give."""
    uw, vw = window.value("cov_wind_u_wind_w"), window.value("cov_wind_v_wind_w")
    return window.found(
        {
            "uncorrected_friction_velocity": friction_velocity(uw, vw),
            "uncorrected_momentum_flux": momentum_flux(uw, vw, window.value("air_density")),
        }
    )


def corrected_step(window: Window) -> Window:
    """Values ``friction_velocity`` and ``momentum_flux``: with the spectral factor of momentum where there is one."""
    factor = window.values.get("spectral_factor_momentum", 1.0)
    ustar, tau = window.value("uncorrected_friction_velocity"), window.value("uncorrected_momentum_flux")
    reasons = {}
    if math.isnan(ustar):
        why = next((window.reasons[n] for n in ("wind_u", "wind_v", "wind_w") if n in window.reasons), "no wind")
        reasons = {"friction_velocity": why, "momentum_flux": why}
    elif math.isnan(tau):
        reasons = {"momentum_flux": window.reasons.get("air_density", "air density is not known")}
    return window.found({"friction_velocity": ustar * math.sqrt(factor), "momentum_flux": tau * factor}, reasons)
