"""Every fault that a driver meets, on all instruments that can show it: was it told, in which words, after how long; did a wrong value pass?

The rows come from the contract run (`tests.simulators.contract`): every instrument through a real port, read as in the field, one record at a
time. What station and centre then make of a fault (flags, events, alarms) is measured on the whole chain by ``faults``.
"""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.bench.known import ONE_RECORD_CANNOT_TELL
from tests.bench.row import Row
from tests.simulators.contract import recording
from tests.simulators.contract_judge import Fault

UNTOLD = {
    "harmless": "does no harm",
    "honest": "says what it measures in that state",
    "passes": "no single record can tell",
    "absurd": "for the station's gross range to fail",
    "fewer": "seen in the count of samples",
}
"""Why a driver does not tell, by what the fault must look like (``contract.yaml``)."""
WORDS = 3


def rows() -> list[Row]:
    """One row a fault; the last counts what did not keep its contract."""
    run = recording()
    by_fault: dict[str, list[Fault]] = defaultdict(list)
    for case in run.cases:
        by_fault[case.fault].append(Fault(run, case))
    broken = [problem for cases in by_fault.values() for case in cases for problem in case.problems()]
    total = Row(
        "faults: drivers that broke their contract", len(broken), "cases", f"of {len(run.cases)}; {'; '.join(broken[:2])}", target=0
    )
    return [*(_row(name, cases) for name, cases in sorted(by_fault.items())), total]


def _row(name: str, cases: Sequence[Fault]) -> Row:
    """The slowest telling counts."""
    told = [one for case in cases if (one := case.told()) is not None]
    untold = Counter(UNTOLD.get(case.kind, "NOT TOLD") for case in cases if case.told() is None)
    reasons = Counter(words for _, words in told)
    said = "; ".join(f"{textwrap.shorten(words, 60, placeholder='…')} ({times})" for words, times in reasons.most_common(WORDS))
    how = [said + ("; …" if len(reasons) > WORDS else ""), *(f"{why} ({times})" for why, times in untold.items())]
    if wrong := sum(case.wrong_values() for case in cases if case.kind != "honest"):
        why = ONE_RECORD_CANNOT_TELL.get(name.split(maxsplit=1)[0], "no check sum, or a weak one")
        how.append(f"{wrong} records with another value passed: {why}")
    worst = max((seconds for seconds, _ in told), default=float("nan"))
    return Row(f"fault: {name} ({len(cases)})", worst, "s until told, at most", "; ".join(part for part in how if part))
