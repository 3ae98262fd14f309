"""The screening's flags in the digit form of EddyPro's files.

Every number begins with an 8, so that leading zeros stay. Then comes one digit for each series (full output) or for each test (FLUXNET
output): 0 passed, 1 flagged, 9 not available or not selected. So `U_VM97_TEST` 800000099 is: spikes, amplitude resolution, dropouts,
absolute limits, skewness and kurtosis hard, the same soft: passed; discontinuities hard and soft: not selected.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

SERIES = ("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o", "ch4", "gas4")
"""Order of the digits of one test in the full output: u/v/w/ts/co2/h2o/ch4/none."""

GASES = ("co2", "h2o", "ch4", "gas4")

TESTS = (
    "hard_flag_spikes",
    "hard_flag_amplitude_resolution",
    "hard_flag_dropout",
    "hard_flag_absolute_limits",
    "hard_flag_skewness_kurtosis",
    "soft_flag_skewness_kurtosis",
    "hard_flag_discontinuities",
    "soft_flag_discontinuities",
)
"""Order of the digits of one series in the FLUXNET output."""

FULL_OUTPUT: Mapping[str, str] = MappingProxyType(
    {
        "spikes_hf": "hard_flag_spikes",
        "amplitude_resolution_hf": "hard_flag_amplitude_resolution",
        "drop_out_hf": "hard_flag_dropout",
        "absolute_limits_hf": "hard_flag_absolute_limits",
        "skewness_kurtosis_hf": "hard_flag_skewness_kurtosis",
        "skewness_kurtosis_sf": "soft_flag_skewness_kurtosis",
        "discontinuities_hf": "hard_flag_discontinuities",
        "discontinuities_sf": "soft_flag_discontinuities",
    }
)

FLUXNET_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "wind_u": "U",
        "wind_v": "V",
        "wind_w": "W",
        "sonic_temperature": "T_SONIC",
        "co2": "CO2",
        "h2o": "H2O",
        "ch4": "CH4",
        "gas4": "NONE",
    }
)


def pack(flags: Iterable[float]) -> int:
    """Flags as one number: 8, then a digit each.

    Parameters: ``flags`` 0, 1 or NaN (not available: 9), in order.

    >>> pack([0.0, 1.0, math.nan])
    8019
    """
    number = 8
    for flag in flags:
        number = 10 * number + (9 if math.isnan(flag) else int(flag != 0.0))
    return number


def of_test(values: Mapping[str, float], test: str, series: Iterable[str] = SERIES) -> int:
    """One test over all series, as in the full output.

    Parameters: ``values`` of a window; ``test`` the flag's name without its series, for example ``hard_flag_spikes``.

    >>> of_test({"hard_flag_spikes_wind_u": 1.0, "hard_flag_spikes_co2": 0.0}, "hard_flag_spikes")
    819990999
    """
    return pack(values.get(f"{test}_{name}", math.nan) for name in series)


def of_series(values: Mapping[str, float], series: str, tests: Iterable[str] = TESTS) -> int:
    """All tests of one series, as in the FLUXNET output.

    Parameters: ``values`` of a window; ``series`` its name in the window.

    >>> of_series({"hard_flag_spikes_co2": 0.0, "soft_flag_skewness_kurtosis_co2": 1.0}, "co2")
    809999199
    """
    return pack(values.get(f"{test}_{series}", math.nan) for test in tests)


def full_output(values: Mapping[str, float]) -> dict[str, int]:
    """All columns of the full output that hold the screening's flags.

    Parameters: ``values`` of a window. Returns column → number.

    >>> full_output({})["attack_angle_hf"]
    89
    """
    found = {column: of_test(values, test) for column, test in FULL_OUTPUT.items()}
    return found | {
        "timelag_hf": of_test(values, "hard_flag_lag", GASES),
        "timelag_sf": of_test(values, "soft_flag_lag", GASES),
        "attack_angle_hf": of_test(values, "hard_flag_attack_angle", ("wind_w",)),
        "non_steady_wind_hf": of_test(values, "hard_flag_steadiness", ("horizontal_wind",)),
    }


def fluxnet(values: Mapping[str, float], measured: Iterable[str]) -> dict[str, float]:
    """All columns of the FLUXNET output that hold the screening's flags or counts.

    Parameters: ``values`` of a window; ``measured`` the series that the file had (what was not measured gets NaN, printed as -9999).
    Returns column → number: ``<X>_VM97_TEST``, ``<X>_NUM_SPIKES``, ``<X>_SPIKE_NREX``, ``<X>_ABSLIM_NREX`` and the four ``VM97_…``.

    >>> fluxnet({"spikes_co2": 8.0}, ["co2"])["CO2_NUM_SPIKES"]
    8.0
    """
    there = set(measured)
    columns: dict[str, float] = {}
    for series, name in FLUXNET_NAMES.items():
        columns[f"{name}_VM97_TEST"] = float(of_series(values, series)) if series in there else math.nan
        for column, value in (("NUM_SPIKES", "spikes"), ("SPIKE_NREX", "spike_samples"), ("ABSLIM_NREX", "outside")):
            columns[f"{name}_{column}"] = values.get(f"{value}_{series}", math.nan) if series in there else math.nan
    full = full_output(values)
    pairs = (
        ("VM97_TLAG_HF", "timelag_hf"),
        ("VM97_TLAG_SF", "timelag_sf"),
        ("VM97_AOA_HF", "attack_angle_hf"),
        ("VM97_NSHW_HF", "non_steady_wind_hf"),
    )
    return columns | {column: float(full[name]) for column, name in pairs}
