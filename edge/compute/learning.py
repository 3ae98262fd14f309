"""What finished windows teach: the facts of one window, and from the facts of many the planes, lags and cut-offs of the next.

`facts_of` keeps of a window what a later fit needs, in about a kilobyte; `learn` turns a history into ``learnt``, exactly what
`eddy_setup.learnt_of` reads, and a ``status`` that says of each part what is ready and how much is missing. Nothing is learnt for a method
that is not in force. Never raises on odd facts: what is not a number is missing. Not here: keeping the history (`edge.agent.learning`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge.compute import history
from edge.compute.messages import Answer, Request
from edge.science.arrays import FloatArray
from edge.science.eddy.lag import tracker
from edge.science.eddy.lag.search import LagWindow
from edge.science.eddy.rotation import planar_fit
from edge.science.eddy.spectral import in_situ
from edge.science.eddy.spectral.degraded import CUTOFFS_HZ
from edge.science.eddy.spectral.in_situ import HumidityDependence, IbromCoefficients, NotReady
from edge.science.eddy.spectral.learnt import SMALL_HEAT
from edge.science.eddy.window import GASES, WIND, Window

Facts = Mapping[str, Any]
Status = dict[str, dict[str, Any]]
"""Part → ``ready`` and ``says``, in words and numbers."""
GRID_HZ: FloatArray = 10.0 ** (np.arange(-23, 11) / 10.0)
"""The frequencies at which spectra are kept: ten a decade, 0.005 to 10 Hz."""
LEAST_SIGNIFICANCE = tracker.LEAST_SIGNIFICANCE
NOISE_MARGIN = 3.0
"""Ratios count up to the frequency where noise lifts a spectrum, over this: white noise is then a tenth of the signal."""
ALIAS_MARGIN = 2.0
"""and up to half the sampling rate over this: beyond it, aliased power counts"""
FLUX_OF = {"co2": "co2_flux", "h2o": "h2o_flux"}


def facts_of(window: Window) -> dict[str, Any]:
    """What this window may teach later ones: plain numbers, missing ones left out; the caller adds ``t`` and the mounting's keys."""
    v = window.value
    wind = [v(f"unrotated_{name}") for name in WIND]
    facts: dict[str, Any] = {
        "wind": wind if all(map(math.isfinite, wind)) else None,
        "speed": v("wind_speed_ms"),
        "from": v("wind_from_direction_deg"),
        "rh": v("relative_humidity_percent"),
        "stability": v("stability"),
        "heat": v("cov_wind_w_sonic_temperature"),
        "lag": {gas: lag for gas in GASES if not math.isnan(lag := true_lag(window, gas))},
        "clear": {gas: ratio for gas in GASES if not math.isnan(ratio := significance(window, gas))},
        "class": {name.removeprefix("class_"): int(x) for name, x in window.values.items() if name.startswith("class_")},
    }
    if steady_heat(window):
        facts |= _spectral_facts(window)
    return {name: kept for name, x in facts.items() if (kept := _kept(x)) not in (None, {})}


def true_lag(window: Window, gas: str) -> float:
    """The lag of the largest covariance where that lay inside the search window of the setup, s; else NaN."""
    if f"lag_{gas}_wide_s" in window.values:
        return window.value(f"lag_{gas}_wide_s")
    return window.value(f"lag_{gas}_s") if window.value(f"lag_{gas}_is_default") == 0.0 else math.nan


def significance(window: Window, gas: str) -> float:
    """How far the gas flux stands above its random error."""
    flux, error = window.value(FLUX_OF[gas]), window.value(f"random_error_{FLUX_OF[gas]}")
    return abs(flux) / error if error > 0.0 else math.nan


def steady_heat(window: Window) -> bool:
    """Whether the temperature of this window may stand for a scalar that loses nothing."""
    strong = abs(window.value("cov_wind_w_sonic_temperature")) >= SMALL_HEAT
    return strong and window.values.get("class_sensible_heat_flux", 2.0) <= 1.0


def _spectral_facts(window: Window) -> dict[str, Any]:
    found: dict[str, Any] = {}
    table = window.tables.get("spectra", {})
    columns = {"t": "spectrum_sonic_temperature"} | {
        gas: f"spectrum_{gas}"
        for gas in GASES
        if significance(window, gas) >= LEAST_SIGNIFICANCE and window.values.get(f"class_{FLUX_OF[gas]}", 2.0) <= 1.0
    }
    if columns["t"] in table and len(columns) > 1:
        f = np.log(table["frequency_hz"])
        spectra = {
            name: np.interp(np.log(GRID_HZ), f, table[column], left=math.nan, right=math.nan)
            for name, column in columns.items()
            if column in table
        }
        found["spectra"] = {name: [_kept(float(x)) for x in spectrum] for name, spectrum in spectra.items()}
        found["rate"] = window.rate_hz
    degraded = window.tables.get("degraded_heat")
    if degraded is not None:
        whole, *rest = (float(x) for x in degraded["cov_wind_w_sonic_temperature"])
        found["degraded"] = [whole / x if x else math.nan for x in rest]
    return found


def _kept(x: Any) -> Any:
    """Rounded to five digits; None for what is no number."""
    if isinstance(x, float):
        return float(f"{x:.5g}") if math.isfinite(x) else None
    if isinstance(x, list):
        return [_kept(one) for one in x]
    return {name: kept for name, one in x.items() if (kept := _kept(one)) is not None} if isinstance(x, dict) else x


def fallbacks_of(window: Window) -> dict[str, Any]:
    """Which methods could not use what earlier windows taught, and did without: for the record of the fluxes."""
    found: dict[str, Any] = {}
    if window.values.get("planar_fit_ready") == 0.0:
        found["rotation"] = "double: no plane is known for this wind direction"
    searched = [gas for gas in GASES if window.values.get(f"lag_{gas}_tracked") == 0.0]
    if searched:
        found["lag_not_tracked"] = searched
    kept = {gas: window.reasons[name] for gas in GASES if (name := f"spectral_cutoff_{gas}_hz") in window.reasons}
    return found | ({"spectral": kept} if kept else {})


# --- from many windows


def learn(facts: Sequence[Facts], product: Mapping[str, Any], keys: Mapping[str, str] | None = None) -> tuple[dict[str, Any], Status]:
    """What the methods of ``product`` need, from the facts of windows; what is not ready is empty in ``learnt`` and named in ``status``.

    ``keys``: how the instruments are mounted now (`history.keys_of`); windows of another mounting teach nothing.
    """
    parts = history.needs(product)
    learnt, status = history.nothing_yet(parts), Status()
    of_sonic, of_gas = ([one for one in facts if _is_mounted_so(one, keys, name)] for name in ("sonic_key", "gas_key"))
    if "planes" in parts:
        learnt["planes"] = _planes(of_sonic, product, status)
    if "lags" in parts:
        learnt["lags"] = _lags(of_gas, product, status)
    if "cutoffs" in parts:
        learnt["cutoffs"] = _cutoffs(of_gas, product, status)
        if product["processing"]["spectral"] != "horst":
            learnt["ibrom"] = _ibrom(of_gas, status)
    return learnt, status


def _is_mounted_so(facts: Facts, keys: Mapping[str, str] | None, name: str) -> bool:
    own = facts.get("keys")
    return not keys or (isinstance(own, Mapping) and own.get(name) == keys.get(name))


def _numbers(facts: Sequence[Facts], *path: str | int) -> FloatArray:
    """A number of every window, NaN where it is none."""

    def one(at: Any) -> float:
        for key in path:
            inside = isinstance(at, Mapping) if isinstance(key, str) else isinstance(at, list) and len(at) > key
            at = at.get(key) if inside and isinstance(key, str) else at[key] if inside else None
        return float(at) if isinstance(at, int | float) and not isinstance(at, bool) else math.nan

    return np.array([one(window) for window in facts], dtype=np.float64)


def _say(status: Status, name: str, ready: bool, says: str) -> None:
    status[name] = {"ready": ready, "says": says}


def _planes(facts: Sequence[Facts], product: Mapping[str, Any], status: Status) -> list[dict[str, Any]]:
    chosen = dict((product.get("processing") or {}).get("planar_fit") or {})
    limits = {name: chosen[name] for name in ("sectors", "least_windows", "least_wind_ms", "most_vertical_wind_ms") if name in chosen}
    u, v, w = (_numbers(facts, "wind", i) for i in range(3))
    direction = _numbers(facts, "from")
    if limits.get("sectors") == 1:  # one plane for all directions needs none
        direction = np.where(np.isfinite(direction), direction, 0.0)
    found = planar_fit.fit(u, v, w, direction, **limits)
    width = 360.0 / len(found.windows)
    ready = {round(plane.from_deg / width) for plane in found.planes}
    for number, count in enumerate(found.windows):
        name = f"planar fit {number * width:g}-{(number + 1) * width:g}"
        if number in ready:
            _say(status, name, True, f"rests on {count} windows")
        elif count < found.least_windows:
            _say(status, name, False, f"has {count} of {found.least_windows} windows")
        else:
            _say(status, name, False, f"has {count} windows, whose winds do not span a plane")
    return [asdict(plane) for plane in found.planes]


def _is_sticky(gas: str, product: Mapping[str, Any]) -> bool:
    """Whether humidity slows this gas: water vapour in a tube."""
    return gas == "h2o" and product.get("path") == "closed"


def _lags(facts: Sequence[Facts], product: Mapping[str, Any], status: Status) -> dict[str, list[dict[str, Any]]]:
    learnt: dict[str, list[dict[str, Any]]] = {}
    for gas in GASES:
        lag, clear = _numbers(facts, "lag", gas), _numbers(facts, "clear", gas)
        rows = tracker.learn(lag, clear, _numbers(facts, "rh") if _is_sticky(gas, product) else None)
        good = int(np.count_nonzero(np.isfinite(lag) & (clear >= LEAST_SIGNIFICANCE)))
        if rows:
            learnt[gas] = [lag_as_json(row) for row in rows]
            at = ", ".join(f"{row.window.default_s:.2f} s{_humidity(row)} ({row.windows} windows)" for row in rows)
            _say(status, f"lag {gas}", True, at)
        else:
            of_one = " of one class of humidity" if _is_sticky(gas, product) else ""
            _say(status, f"lag {gas}", False, f"{good} windows with a clear maximum; {tracker.LEAST_WINDOWS}{of_one} are needed")
    return learnt


def _humidity(row: tracker.LearntLag) -> str:
    return f" at {row.from_percent:g}-{row.to_percent:g} %" if math.isfinite(row.from_percent) else ""


def lag_as_json(row: tracker.LearntLag) -> dict[str, Any]:
    """A learnt lag as `eddy_setup.learnt_of` reads it; open ends are null."""
    edges: LagWindow = row.window
    ends = [x if math.isfinite(x) else None for x in (row.from_percent, row.to_percent)]
    return {"from_percent": ends[0], "to_percent": ends[1], "windows": row.windows, **asdict(edges)}


def _cutoffs(facts: Sequence[Facts], product: Mapping[str, Any], status: Status) -> dict[str, Any]:
    learnt: dict[str, Any] = {}
    for gas in GASES:
        found = cutoff_by_humidity(facts, gas) if _is_sticky(gas, product) else cutoff(facts, gas)
        learnt[gas] = cutoff_as_json(found)
        if isinstance(found, NotReady):
            _say(status, f"cut-off {gas}", False, f"has {found}")
        elif isinstance(found, HumidityDependence):
            at = [f"{found.cutoff_hz(100.0 * rh):.3g} Hz at {100.0 * rh:.0f} %" for rh in (found.lowest, found.highest)]
            _say(status, f"cut-off {gas}", True, " to ".join(at))
        else:
            _say(status, f"cut-off {gas}", True, f"{found:.3g} Hz" if math.isfinite(found) else "no loss seen")
    return learnt


def cutoff(facts: Sequence[Facts], gas: str) -> float | NotReady:
    """The cut-off of a gas from the mean spectra of windows (Hz, infinite: no loss seen)."""
    gases, heats = _spectra(facts, gas), _spectra(facts, "t")
    ratio = in_situ.ensemble_ratio(gases, heats)
    if isinstance(ratio, NotReady):
        return ratio
    rates = _numbers(facts, "rate")
    nyquist = float(np.nanmin(rates)) / 2.0 if np.isfinite(rates).any() else math.inf
    highest = min(nyquist / ALIAS_MARGIN, *(noise_from_hz(spectra) / NOISE_MARGIN for spectra in (gases, heats)))
    found = in_situ.fit_cutoff(GRID_HZ, ratio, highest_hz=highest)
    if isinstance(found, NotReady):
        return found
    return found.cutoff_hz if found.cutoff_hz > 0.0 else NotReady("cut-offs inside the frequencies of the spectra", 0, 1)


def cutoff_by_humidity(facts: Sequence[Facts], gas: str) -> HumidityDependence | NotReady:
    """The cut-off of a gas that clings to walls, against relative humidity."""
    rh = _numbers(facts, "rh")
    has = np.isfinite(_spectra(facts, gas)).any(axis=1)
    edges = tracker.HUMIDITY_CLASSES
    groups = [np.flatnonzero(has & (rh >= low) & (rh < high)).tolist() for low, high in itertools.pairwise(edges)]
    cutoffs = [cutoff([facts[i] for i in group], gas) if group else NotReady("", 0, 1) for group in groups]
    return in_situ.cutoff_of_humidity(
        [float(rh[group].mean()) if group else math.nan for group in groups],
        [math.nan if isinstance(one, NotReady) else one for one in cutoffs],
        [len(group) for group in groups],
    )


def _spectra(facts: Sequence[Facts], name: str) -> FloatArray:
    """(windows, frequencies) normalised spectra, NaN where a window has none."""
    rows = np.full((len(facts), GRID_HZ.size), math.nan)
    for i, window in enumerate(facts):
        kept = window.get("spectra")
        row = kept.get(name) if isinstance(kept, Mapping) else None
        if isinstance(row, list) and len(row) == GRID_HZ.size and all(x is None or isinstance(x, int | float) for x in row):
            rows[i] = [math.nan if x is None else float(x) for x in row]
    return rows


def noise_from_hz(spectra: FloatArray) -> float:
    """Where noise begins to lift a mean spectrum f S: its least beyond its peak, Hz; infinite when it falls to the end.

    >>> f = GRID_HZ; turbulence = f / (0.05 + f) ** (5 / 3)
    >>> noise_from_hz(turbulence[None, :]), round(noise_from_hz((turbulence + 0.05 * f)[None, :]), 2)
    (inf, 5.01)
    """
    there = np.isfinite(spectra)
    count = there.sum(axis=0)
    mean = np.divide(np.where(there, spectra, 0.0).sum(axis=0), count, out=np.full(count.shape, math.nan), where=count > 0)
    known = np.flatnonzero(np.isfinite(mean))
    if not known.size:
        return math.inf
    peak = int(known[np.argmax(mean[known[: max(1, known.size // 2)]])])
    after = known[known >= peak]
    least = int(after[np.argmin(mean[after])])
    return math.inf if least == int(after[-1]) else float(GRID_HZ[least])


def _ibrom(facts: Sequence[Facts], status: Status) -> dict[str, Any]:
    """Coefficients by stability; those of a class that is not ready are left out."""
    stability, speed = _numbers(facts, "stability"), _numbers(facts, "speed")
    cutoffs = CUTOFFS_HZ[1:]
    factors = np.array([_numbers(facts, "degraded", i) for i in range(len(cutoffs))])
    learnt: dict[str, Any] = {}
    for name, here in (("unstable", stability <= 0.0), ("stable", stability > 0.0)):
        count = int(np.count_nonzero(here))
        found = in_situ.fit_ibrom(
            np.tile(speed[here], len(cutoffs)),
            np.repeat(cutoffs, count),
            factors[:, here].ravel(),
            fewest=in_situ.FEWEST_PERIODS * len(cutoffs),
        )
        if isinstance(found, NotReady):
            _say(status, f"spectral coefficients {name}", False, f"have {found}")
        else:
            learnt[name] = asdict(found)
            _say(status, f"spectral coefficients {name}", True, f"a1 {found.a1:.3g}, a2 {found.a2:.3g}")
    return learnt


def cutoff_as_json(found: float | HumidityDependence | NotReady) -> dict[str, Any]:
    """A cut-off as it is kept: an infinite one has ``hz`` null."""
    return {"hz": found if math.isfinite(found) else None} if isinstance(found, int | float) else asdict(found)


def cutoff_from_json(kept: Mapping[str, Any]) -> float | HumidityDependence | NotReady:
    """What `cutoff_as_json` wrote.

    >>> cutoff_from_json({"hz": None}), cutoff_from_json(cutoff_as_json(NotReady("periods", 1, 10)))
    (inf, NotReady(what='periods', have=1, needed=10))
    """
    if "hz" in kept:
        return math.inf if kept["hz"] is None else float(kept["hz"])
    return HumidityDependence(**kept) if "c0" in kept else NotReady(**kept)


def ibrom_from_json(kept: Mapping[str, Any]) -> dict[str, IbromCoefficients]:
    """Coefficients by stability, as learnt."""
    return {name: IbromCoefficients(**one) for name, one in kept.items()}


def answer(request: Request) -> Answer:
    """The worker's answer: ``raw`` names the history file, ``station`` has the mounting's keys."""
    facts, damaged = history.read(Path(request.raw))
    chosen = (request.product.get("processing") or {}).get("planar_fit") or {}
    if "history" in chosen:
        facts = history.within(facts, int(chosen["history"]))
    keys: dict[str, str] = {name: str(request.station[name]) for name in ("sonic_key", "gas_key") if name in request.station}
    learnt, status = learn(facts, request.product, keys)
    seen = {"windows": len(facts), "damaged_lines": damaged, "newest": facts[-1]["t"] if facts else 0}
    return Answer(id=request.id, ok=True, detail={"learnt": learnt, "status": status, "history": seen})
