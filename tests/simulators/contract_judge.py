"""Did a driver keep its contract under one fault? Judged on the recording of the contract run, as ``contract.yaml`` says it must look.

Each judgement is a list of what is wrong, in words; empty: kept. The kinds of telling are explained in ``contract.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware_config.cards import load_card
from tests.bench.known import ONE_RECORD_CANNOT_TELL
from tests.simulators.contract import OFF_S, UNPLUGGED_OFF_S
from tests.simulators.contract_record import CONTRACT, RECENT_S, TAIL_S, Case, Counts, Heard, Recording, good_values, period_ms, within

REACTION_MS = 1000.0
"""world time a machine may need to hand on what has arrived"""
PLUG_MS = 6000.0
"""the bench pulls plugs when it keeps house, five times in a real second"""
WEAK_PASSES = 2
"""wrong records that a weak check may let pass in one fault: one in a hundred of the heaviest, rounded up"""
BYTES = frozenset({"garbage", "flip", "truncated", "missing_bytes", "noise", "merged", "split"})
"""faults of the line, which change bytes"""
BACK_AFTER = 3
"""records after which an instrument that prints must be good again"""
SHARE, EDGE = 0.9, 2
"""of the records due in a fault that harms none: this share, less those at its edges"""
HONEST: dict[str, tuple[str, ...]] = {
    "cold_cell": ("gas_temperature",),
    "pump_off": ("gas_flow_rate",),
    "warm_up": ("gas_temperature",),
    "battery_low": ("battery_voltage",),
    "low_battery": ("battery_voltage",),
    "burst_interrupted": ("water_pressure_burst",),
    "rain": ("signal_strength",),
    "reagent_out": ("blank_ratio_434", "blank_ratio_620"),
}
"""Quantities that a fault really changes: what is read then is the truth."""


class Fault:
    """One case of a recording, looked at."""

    def __init__(self, run: Recording, case: Case) -> None:
        self.run, self.case = run, case
        self.card = load_card(case.model)
        self.item = run.station.instrument(case.instrument)
        self.period_ms = period_ms(self.item)
        self.modbus = self.card.modbus is not None
        self.kind = told_as(case.model, case.fault)
        first = case.begin_ms + self.period_ms + (PLUG_MS if case.fault == "unplugged" else REACTION_MS)
        self.inside: list[Heard] = run.between(case.instrument, first, case.end_ms)
        self.due = run.due(case.instrument, first, case.end_ms)
        self.counts: Counts = run.counted(case.instrument, case.begin_ms, case.end_ms + TAIL_S * 1e3)

    @property
    def honest(self) -> set[str]:
        names = set(HONEST.get(self.case.name, ()))
        if self.case.name == "invalid":  # the usual way of an instrument without a flag: another state of its own
            names |= {"gas_temperature", "gas_pressure"} & set(self.card.quantities)
        return names

    def problems(self) -> list[str]:
        """What of the contract was not kept."""
        found = [*KINDS[self.kind](self), *self._lies(), *self._back()]
        return [f"{self.case.instrument}, {self.case.fault} ({self.kind}): {text}" for text in found]

    def told(self) -> tuple[float, str] | None:
        """Seconds after its beginning, and how the driver first told of it: the reason of a record that is not valid, what it counted as
        rejected (to the second), or a record that was due and did not come. None: it told nothing."""
        begin_ms, end_ms = self.case.begin_ms, self.case.end_ms + TAIL_S * 1e3
        ill = [(one.at_ms, one.reading.reason) for one in self.run.between(self.case.instrument, begin_ms, end_ms) if not one.reading.valid]
        found = ill[:1]
        looks = [look for look in self.run.counts[self.case.instrument] if begin_ms <= look[0] <= end_ms]
        for at_ms, counts in looks[1:]:
            since = counts.since(looks[0][1])
            if since.bad.total() + since.discarded:
                found.append((at_ms, next(iter(since.bad), "no record in what came")))
                break
        if not found and self.kind == "silence":
            found.append((begin_ms + self.period_ms, "no record where one was due"))
        return min(((at_ms - begin_ms) / 1e3, words) for at_ms, words in found) if found else None

    def wrong_values(self) -> int:
        """Records with a wrong value among those handed on as good while it was on, whether or not anybody could have known."""
        return len(self.run.lies(self.case, self.honest))

    def _lies(self) -> list[str]:
        if self.kind == "passes" and self.case.name not in ONE_RECORD_CANNOT_TELL:
            return ["nothing says why one record cannot tell (tests/bench/known.py)"]
        if self.kind in {"passes", "honest"}:
            invented = self.run.invented(self.case) if (self.case.instrument, self.case.fault) in self.run.ill else []
            return [f"a value nobody sent: {invented[0]}"] if invented else []
        lies = self.run.lies(self.case, self.honest)
        allowed = 0
        if self.case.name in BYTES and not self.modbus:
            check = CONTRACT["checks"].get(self.case.model, "strong")
            allowed = {"none": len(self.inside), "weak": WEAK_PASSES, "strong": 0}[check]
        return [f"{len(lies)} wrong values passed as good, {allowed} can; {lies[0]}"] if len(lies) > allowed else []

    def _back(self) -> list[str]:
        """Good again soon after, and true."""
        after_ms = self.case.end_ms
        if self.case.fault == "unplugged":
            limit_ms = UNPLUGGED_OFF_S * 1e3
        elif self.modbus:
            limit_ms = OFF_S * 1e3
        else:
            limit_ms = BACK_AFTER * self.period_ms + 2 * REACTION_MS + TAIL_S * 1e3
        heard = self.run.between(self.case.instrument, after_ms, after_ms + limit_ms)
        for one in heard:
            good = good_values(self.card, one.reading)
            if one.reading.valid and good and self.run.is_true(self.case.instrument, self.card, one.at_ms, good):
                return []
        return [f"no true value within {limit_ms / 1e3:.0f} s after its end ({len(heard)} records)"]

    # --- how it looks while it is on

    def silence(self) -> list[str]:
        if self.inside:
            return [f"{len(self.inside)} records where none can be read: {self.inside[0].reading.values}"]
        if self.modbus and not self.counts.bad.total():
            return ["silence was not counted"]
        return []

    def refused(self) -> list[str]:
        if self.counts.bad.total() + self.counts.discarded + self.counts.ignored == 0:
            return ["nothing was rejected, given up or passed over, and counted"]
        return []

    def spoiled(self) -> list[str]:
        ill = [one for one in self.inside if not one.reading.valid]
        if not ill:
            return [f"{len(self.inside)} records and none of them not valid"]
        silent = [one for one in ill if not one.reading.reason]
        if self.case.name == "exception":
            code = self.case.fault.split()[1]
            silent += [one for one in ill if code not in one.reading.reason]
        return [f"no reason that tells: {silent[0].reading}"] if silent else []

    def fewer(self) -> list[str]:
        problems = [f"rejected: {dict(self.counts.bad)}"] if self.counts.bad else []
        return problems if 0 < len(self.inside) < 0.8 * self.due else [*problems, f"{len(self.inside)} of {self.due} records"]

    def harmless(self) -> list[str]:
        good = sum(one.reading.valid for one in self.inside)
        needed = 1 if self.modbus else SHARE * self.due - EDGE
        return [] if good >= needed else [f"{good} of {self.due} records are good; {dict(self.counts.bad)}"]

    def passes(self) -> list[str]:
        return [] if self.inside else ["nothing came"]

    def absurd(self) -> list[str]:
        good = [values for one in self.inside if (values := good_values(self.card, one.reading))]
        return [f"within what the quantity can be: {good[0]}"] if good else [] if self.inside else ["nothing came"]


KINDS: dict[str, Callable[[Fault], list[str]]] = {
    "silence": Fault.silence,
    "refused": Fault.refused,
    "spoiled": Fault.spoiled,
    "fewer": Fault.fewer,
    "harmless": Fault.harmless,
    "honest": Fault.harmless,
    "passes": Fault.passes,
    "absurd": Fault.absurd,
}


def told_as(model: str, fault: str) -> str:
    """How ``contract.yaml`` says a fault of a model must look."""
    if fault == "unplugged":
        return "silence"
    if (own := CONTRACT["models"].get(model, {}).get(fault)) is not None:
        return str(own)
    if load_card(model).modbus is not None and fault in CONTRACT["modbus"]:
        return str(CONTRACT["modbus"][fault])
    return str(CONTRACT["told"][fault])


def verdict_of(run: Recording, model: str, fault: str) -> list[str]:
    """What a driver did wrong under one fault; empty when it kept the contract."""
    case = next(case for case in run.cases if case.model == model and case.fault == fault)
    return Fault(run, case).problems()


def untrue(run: Recording, model: str) -> list[str]:
    """Values of the quiet time that are not what the instrument measured, by a second path that no card takes (``truth`` in
    ``contract.yaml``); also that a quantity of that table never came."""
    key, card = run.instrument_of(model), load_card(model)
    wanted: dict[str, tuple[str, float, float]] = CONTRACT["truth"][model]
    came: set[str] = set()
    found = []
    for one in run.between(key, *run.quiet_ms):
        good = {name: value for name, value in good_values(card, one.reading).items() if name in wanted}
        came |= set(good)
        recent = [values for t_ms, values in run.measured[key] if one.at_ms - RECENT_S * 1e3 <= t_ms <= one.at_ms]
        if recent and not any(
            all(within(card, name, value, wanted[name][1] * row[wanted[name][0]] + wanted[name][2]) for name, value in good.items())
            for row in recent
        ):
            found.append(f"{good} at {one.at_ms:.0f} ms, measured {recent[-1]}")
    return found + [f"{name} never came" for name in wanted.keys() - came]
