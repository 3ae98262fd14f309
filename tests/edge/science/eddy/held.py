"""What the compatible chain is held to, as data: the reference's column, our value, and the band."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.science.eddy.window import Window

MISSING = -9999.0


@dataclass(frozen=True)
class Held:
    """A column of the reference and the value that must equal it within ``rel`` or ``abs``. ``angle``: degrees, any turn."""

    column: str
    value: str
    scale: float = 1.0
    rel: float = 1e-4
    abs: float = 0.0
    angle: bool = False

    def holds(self, found: Window, want: dict[str, float]) -> bool:
        """True also where the reference has no such number (an option that is off)."""
        theirs = want.get(self.column, MISSING)
        return theirs == MISSING or self.off(found, want) <= 1.0

    def off(self, found: Window, want: dict[str, float]) -> float:
        """How far the value lies from the reference's, in bands."""
        theirs, ours = want[self.column], found.values.get(self.value, self.when_absent) * self.scale
        away = abs((ours - theirs + 180.0) % 360.0 - 180.0) if self.angle else abs(ours - theirs)
        band = max(self.abs, self.rel * abs(theirs))
        return math.inf if math.isnan(away) else away / band if band else (0.0 if away == 0 else math.inf)

    @property
    def when_absent(self) -> float:
        """A spectral factor that was not computed is 1."""
        return 1.0 if self.value.startswith("spectral_factor") else math.nan


def deviation(ours: float, theirs: float) -> float:
    """Relative deviation."""
    return abs(ours - theirs) / abs(theirs)


SERIES = {"u": "wind_u", "v": "wind_v", "w": "wind_w", "ts": "sonic_temperature", "co2": "co2", "h2o": "h2o"}
FLUXES = {
    "friction_velocity": ("u*", 1.0, 0.0),
    "momentum_flux": ("Tau", 1.0, 0.0),
    "sensible_heat_flux": ("H", 1.0, 2.0),
    "latent_heat_flux": ("LE", 1.0, 2.0),
    "co2_flux": ("co2_flux", 1e6, 0.2),
}
"""flux → the reference's column, scale, absolute band of the correct chain"""
WATT, MICROMOLE = 0.01, 0.001
BASE: tuple[Held, ...] = (
    Held("wind_speed", "wind_speed_ms"),
    Held("max_wind_speed", "wind_speed_max_ms"),
    Held("wind_dir", "wind_from_direction_deg", abs=0.01, rel=0, angle=True),
    Held("yaw", "yaw_deg", abs=0.01, rel=0, angle=True),
    Held("pitch", "pitch_deg", abs=0.01, rel=0, angle=True),
    Held("roll", "roll_deg", abs=0.01, rel=0, angle=True),
    Held("u_unrot", "unrotated_wind_u"),
    Held("v_unrot", "unrotated_wind_v"),
    Held("w_unrot", "unrotated_wind_w"),
    Held("sonic_temperature", "mean_sonic_temperature"),
    Held("air_temperature", "air_temperature_k"),
    Held("air_density", "air_density"),
    Held("air_molar_volume", "moist_molar_volume_m3"),
    Held("e", "vapour_pressure_pa"),
    Held("es", "saturation_vapour_pressure_pa"),
    Held("specific_humidity", "specific_humidity"),
    Held("RH", "relative_humidity_percent"),
    Held("co2_mixing_ratio", "co2_dry_mole_fraction", 1e6),
    Held("h2o_mixing_ratio", "h2o_dry_mole_fraction", 1e3),
    Held("co2_mole_fraction", "co2_mole_fraction", 1e6),
    Held("h2o_mole_fraction", "h2o_mole_fraction", 1e3),
    *(Held(f"{short}_var", f"cov_{name}_{name}") for short, name in SERIES.items() if short not in ("co2", "h2o")),
    Held("w/ts_cov", "cov_wind_w_sonic_temperature", rel=1e-3),
    *(Held(f"{short}_spikes", f"spikes_{name}", rel=0) for short, name in SERIES.items()),
    Held("co2_time_lag", "lag_co2_s", rel=0, abs=1e-9),
    Held("h2o_time_lag", "lag_h2o_s", rel=0, abs=1e-9),
    Held("co2_def_timelag", "lag_co2_is_default", rel=0),
    Held("h2o_def_timelag", "lag_h2o_is_default", rel=0),
    Held("u*", "friction_velocity", rel=1e-3),
    Held("Tau", "momentum_flux", rel=1e-3),
    Held("H", "sensible_heat_flux", rel=1e-3, abs=WATT),
    Held("LE", "latent_heat_flux", rel=1e-3, abs=WATT),
    Held("co2_flux", "co2_flux", 1e6, rel=1e-3, abs=MICROMOLE),
    Held("h2o_flux", "h2o_flux", 1e3, rel=1e-3),
    Held("un_Tau", "uncorrected_momentum_flux", rel=1e-3),
    Held("un_H", "uncorrected_sensible_heat_flux", rel=1e-3, abs=WATT),
    Held("un_LE", "uncorrected_latent_heat_flux", rel=1e-3, abs=WATT),
    Held("un_co2_flux", "uncorrected_co2_flux", 1e6, rel=1e-3, abs=MICROMOLE),
    Held("Tau_scf", "spectral_factor_momentum"),
    Held("H_scf", "spectral_factor_heat"),
    Held("LE_scf", "spectral_factor_h2o"),
    Held("co2_scf", "spectral_factor_co2"),
    Held("L", "obukhov_length", rel=5e-3),
    Held("(z-d)/L", "stability", rel=5e-3, abs=1e-3),
    Held("T*", "temperature_scale", rel=1e-3),
    Held("bowen_ratio", "bowen_ratio", rel=1e-3),
    Held("rand_err_Tau", "random_error_momentum_flux", rel=5e-3),
    Held("rand_err_H", "random_error_sensible_heat_flux", rel=5e-3),
    Held("rand_err_LE", "random_error_latent_heat_flux", rel=5e-3),
    Held("rand_err_co2_flux", "random_error_co2_flux", 1e6, rel=5e-3),
    Held("model", "footprint_model", rel=0),
    Held("x_peak", "footprint_peak_m", rel=5e-3),
    Held("x_offset", "footprint_offset_m", rel=5e-3),
    Held("x_10%", "footprint_10_m", rel=5e-3),
    Held("x_30%", "footprint_30_m", rel=5e-3),
    Held("x_50%", "footprint_50_m", rel=5e-3),
    Held("x_70%", "footprint_70_m", rel=5e-3),
    Held("x_90%", "footprint_90_m", rel=5e-3),
)
CLASSES: tuple[Held, ...] = (
    Held("qc_Tau", "class_momentum_flux", rel=0),
    Held("qc_H", "class_sensible_heat_flux", rel=0),
    Held("qc_LE", "class_latent_heat_flux", rel=0),
    Held("qc_co2_flux", "class_co2_flux", 1.0, rel=0),
)
"""flags: equal in 98 % of cases"""
