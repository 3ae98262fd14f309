"""One class per flux, 0, 1 or 2, that knows everything the station knows about a window, with the reasons in words.

The classes of the two turbulence tests can be 0 for a window that is visibly broken: neither test looks at spikes, missing samples, signal
strength or the size of the error. Here the class is the worst that any rule of a table allows. 0: fit for research; 1: fit for budgets;
2: to be left out. A rule reads one number of the window by its name; a number that nobody found says nothing, unless `combine` is asked
to demand evidence. The table is data (`RULES`); every rule has its source or its reasoning. Not here: filters of the site (u* thresholds,
footprint outside of the target), which belong to whoever uses the flux.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge.science.eddy.quality.rules import DENSITY_SERIES, FACTORS, LARGEST_ERROR, OWN_RULES, RANGES, RULES, SERIES, Rule
from edge.science.eddy.window import Window


@dataclass(frozen=True)
class Facts:
    """What the station knows beside the window: does the platform move, was its motion taken out of the wind, is the surface water, is
    the gas measured in the open, was the sample dried."""

    platform_moves: bool = False
    motion_removed: bool = False
    over_water: bool = False
    open_path: bool = False
    dried: bool = False


@dataclass(frozen=True)
class Judgement:
    """A class and every reason why it is not 0, the worst first."""

    quality: int
    reasons: tuple[str, ...]


def combine(
    flux: str,
    values: Mapping[str, float],
    facts: Facts | None = None,
    *,
    rules: Sequence[Rule] = RULES,
    demand_evidence: bool = False,
) -> Judgement:
    """The class of one flux and why.

    Parameters: name of the flux; the window's numbers; what the station knows; the table; ``demand_evidence`` True: a flux without a
    random error, or none of whose series was screened, is 1 at best. The class of the turbulence tests, ``mauder_foken_<flux>``, is read
    first; unknown, it is 2.

    >>> combine("sensible_heat_flux", {"mauder_foken_sensible_heat_flux": 0.0, "sensible_heat_flux": 90.0})
    Judgement(quality=0, reasons=())
    >>> combine("co2_flux", {"mauder_foken_co2_flux": 0.0, "co2_flux": 1e-7, "random_error_co2_flux": 2e-7}).reasons
    ('the random error is as large as the flux',)
    """
    facts = facts or Facts()
    numbers = {**values, **_derived(flux, values)}
    found = list(_of_tests(flux, numbers))
    found += list(_of_facts(flux, facts))
    raised = tuple(name for name, x in numbers.items() if name.startswith(("hard_flag_", "soft_flag_")) and x > 0.0)
    for rule in rules:
        found += list(_broken(rule, flux, numbers, facts, raised))
    if demand_evidence:
        found += list(_lacking(flux, numbers))
    worst: dict[str, int] = {}
    for makes, says in found:
        worst[says] = max(makes, worst.get(says, 0))
    ordered = sorted(worst, key=lambda says: -worst[says])
    return Judgement(max(worst.values(), default=0), tuple(ordered))


def _derived(flux: str, values: Mapping[str, float]) -> dict[str, float]:
    """Numbers that rules ask for and that follow from others."""
    nan = math.nan
    value, error = values.get(flux, nan), abs(values.get(f"random_error_{flux}", nan))
    low, high = RANGES[flux]
    heat, latent = values.get("sensible_heat_flux", nan), values.get("latent_heat_flux", nan)
    found = {
        f"error_ratio_{flux}": error / abs(value) if value else math.inf if error else nan,
        f"below_detection_{flux}": float(abs(value) < values.get(f"detection_limit_{flux}", nan)),
        f"excess_error_{flux}": error / LARGEST_ERROR[flux],
        f"out_of_range_{flux}": float(not low <= value <= high),
        "energy_w_m2": heat + latent,
        "dry_condensation": float(latent < -30.0 and values.get("relative_humidity_percent", nan) < 60.0),
    }
    for series in _series(flux, Facts(open_path=True)):
        expected = values.get("expected_samples", nan)
        found[f"outside_share_{series}"] = values.get(f"outside_{series}", nan) / expected if expected else nan
    return found


def _series(flux: str, facts: Facts) -> tuple[str, ...]:
    return SERIES[flux] + (DENSITY_SERIES.get(flux, ()) if facts.open_path else ())


def _of_tests(flux: str, values: Mapping[str, float]) -> Iterator[tuple[int, str]]:
    quality = values.get(f"mauder_foken_{flux}", math.nan)
    if math.isnan(quality):
        yield 2, "the turbulence tests are missing"
    elif quality > 0.0:
        yield int(quality), "not stationary or not developed turbulence"


def _of_facts(flux: str, facts: Facts) -> Iterator[tuple[int, str]]:
    """Motion: Edson et al. 1998, Miller et al. 2008 (what is left of it after the correction keeps a flux from class 0); CO2 over water:
    Miller et al. 2010, Landwehr et al. 2014, Honkanen et al. 2018 (an undried open path is biased by water vapour, by up to orders of
    magnitude)."""
    if facts.platform_moves:
        yield (1, "the motion of the platform was corrected") if facts.motion_removed else (2, "the motion of the platform is in the wind")
    if flux == "co2_flux" and facts.over_water and facts.open_path and not facts.dried:
        yield 1, "CO2 of an undried open path over water"


def _lacking(flux: str, values: Mapping[str, float]) -> Iterator[tuple[int, str]]:
    if math.isnan(values.get(f"random_error_{flux}", math.nan)):
        yield 1, "the random error is not known"
    for series in SERIES[flux]:
        if series != "horizontal_wind" and not any(name.startswith("hard_flag_") and name.endswith(f"_{series}") for name in values):
            yield 1, f"{series} was not screened"


def _broken(rule: Rule, flux: str, values: Mapping[str, float], facts: Facts, raised: Sequence[str]) -> Iterator[tuple[int, str]]:
    """What a rule has against a flux."""
    if rule.only and flux not in rule.only:
        return
    for fills in _fillings(rule, flux, facts):
        pattern = rule.reads.format(**fills)
        head, star, tail = pattern.partition("*")
        names = [pattern] if not star else [n for n in raised if n.startswith(head) and n.endswith(tail) and not _has_its_own(n, tail)]
        for name in names:
            x = values.get(name, math.nan)
            if x > rule.above or x < rule.below:
                test = name[len(head) : len(name) - len(tail)].replace("_", " ") if star else ""
                yield rule.makes, rule.says.format(**fills, test=test)


def _has_its_own(name: str, tail: str) -> bool:
    return name[: len(name) - len(tail)] in OWN_RULES


def _fillings(rule: Rule, flux: str, facts: Facts) -> list[dict[str, str]]:
    """What may stand in the place of the names of a rule, for a flux."""
    if "{series}" in rule.reads:
        return [{"series": series} for series in _series(flux, facts)]
    if "{gas}" in rule.reads:
        return [{"gas": series} for series in _series(flux, facts) if series in ("co2", "h2o")]
    if "{factor}" in rule.reads:
        return [{"factor": factor} for factor in FACTORS[flux]]
    return [{"flux": flux}]


def step(window: Window, *, facts: Facts, rules: Sequence[Rule] = RULES, demand_evidence: bool = False) -> Window:
    """Values ``class_<flux>`` for every flux that exists; what speaks against class 0 stands under the same name in the reasons. Instead
    of the classes of `classes`, whose ``mauder_foken_<flux>`` it needs."""
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    longest = max((x.size for x in window.series.values()), default=0)
    known = {**window.values, "expected_samples": float(window.expected), "samples_per_expected": longest / window.expected}
    for flux in SERIES:
        if math.isnan(window.value(flux)):
            continue
        judged = combine(flux, known, facts, rules=rules, demand_evidence=demand_evidence)
        values[f"class_{flux}"] = float(judged.quality)
        if judged.reasons:
            reasons[f"class_{flux}"] = "; ".join(judged.reasons)
    return window.found(values, reasons)
