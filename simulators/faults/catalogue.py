"""The faults of the bench, one row each. Data, not code: what each does stands where its scope is carried out.

Scopes: ``instrument`` (any instrument, or every one on a link), ``modbus`` (units asked by Modbus; ``noise`` and ``echo`` also on
lines that speak in text), ``own`` (only instruments that name it), ``link``, ``station``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulators.faults.own import OWN, OWN_BOUNDS

Scope = Literal["instrument", "modbus", "own", "link", "station"]
OF_INSTRUMENTS = ("instrument", "modbus", "own")
"""scopes of faults that hit instruments"""
LARGEST, LARGEST_OF_STATION = 1e6, 1e10
"""magnitudes, of either sign and in any unit: beyond these no instrument has digits for what it should say, and no clock a year"""
SHARE = (0.0, 1.0)


@dataclass(frozen=True)
class Fault:
    """One fault: what it does, what its magnitude means, and the magnitude when none is given."""

    name: str
    scope: Scope
    what: str
    magnitude: float
    unit: str
    ends_itself: bool = False
    """its magnitude is how long it lasts (s, world time) where the timeline says nothing else"""
    bounds: tuple[float, float] | None = None
    """the least and the largest magnitude; None: those of its scope"""

    @property
    def least(self) -> float:
        return self.bounds[0] if self.bounds else -self.most

    @property
    def most(self) -> float:
        """Beyond it nothing can show the fault, or its station cannot bear it."""
        return self.bounds[1] if self.bounds else LARGEST if self.scope in OF_INSTRUMENTS else LARGEST_OF_STATION


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("silence", "instrument", "says nothing and answers nothing", 1.0, "-"),
        Fault("garbage", "instrument", "bytes replaced by random ones", 0.02, "share of bytes", bounds=SHARE),
        Fault("flip", "instrument", "one bit of a record turned over", 1.0, "share of records", bounds=SHARE),
        Fault("truncated", "instrument", "records break off", 0.5, "share of a record left out", bounds=SHARE),
        Fault("merged", "instrument", "every second record waits and comes in one piece with the next", 1.0, "-"),
        Fault("split", "instrument", "a record comes in two pieces", 20.0, "ms between them", bounds=(0.0, 10_000.0)),
        Fault("missing_bytes", "instrument", "bytes left out", 0.02, "share of bytes", bounds=SHARE),
        Fault("wrong_checksum", "instrument", "right content, wrong checksum", 1.0, "share of records", bounds=SHARE),
        Fault("stuck", "instrument", "every value stays as it was", 1.0, "-"),
        Fault("spike", "instrument", "single values thrown off, either way", 10.0, "unit of the field"),
        Fault("drift", "instrument", "values run away", 1.0, "unit of the field per hour"),
        Fault(
            "invalid", "instrument", "the instrument itself reports that its data are not valid", 0.0, "its status code; 0 = its usual one"
        ),
        Fault("late_answer", "instrument", "answers come late (real seconds)", 2.0, "s", bounds=(0.0, 3600.0)),
        Fault("exception", "modbus", "answers with an exception", 4.0, "exception code", bounds=(1.0, 255.0)),
        Fault("short_answer", "modbus", "answers hold fewer registers than asked", 1.0, "registers left out", bounds=(1.0, 125.0)),
        Fault("echo", "modbus", "the request is heard again before the answer", 1.0, "-"),
        Fault("noise", "modbus", "random bytes before each answer", 4.0, "bytes", bounds=(1.0, 256.0)),
        Fault("other_unit", "modbus", "answers carry another unit's address", 1.0, "added to the address", bounds=(-255.0, 255.0)),
        Fault("parity", "modbus", "its line has another parity: bytes that fail the check arrive as zeros", 1.0, "-"),
        *(Fault(name, "own", what, magnitude, unit, bounds=OWN_BOUNDS.get(name)) for name, what, magnitude, unit in OWN),
        Fault("unplugged", "link", "the port vanishes and returns at the end", 1.0, "-"),
        Fault("bad_clock", "station", "the station's clock is off", 3600.0, "s"),
        Fault("clock_1970", "station", "the station's clock begins again at 1970 and knows that it is not set", 1970.0, "year"),
        Fault("clock_drift", "station", "the station's clock runs off and believes itself synchronised", 60.0, "s per hour"),
        Fault("no_time_source", "station", "nothing sets the station's clock: it says so and drifts", 2.0, "s per day"),
        Fault("no_network", "station", "nothing passes between station and centre", 1.0, "-"),
        Fault("slow_network", "station", "the network carries little", 2000.0, "bytes/s (real)", bounds=(1.0, LARGEST_OF_STATION)),
        Fault("late_network", "station", "the network is slow to deliver", 2.0, "s (real)", bounds=(0.0, 3600.0)),
        Fault("lossy_network", "station", "the network loses pieces, which come again later", 0.2, "share of pieces", bounds=SHARE),
        Fault(
            "power_cut",
            "station",
            "no power: instruments and agent die at once and come back together",
            60.0,
            "s",
            ends_itself=True,
            bounds=(0.0, LARGEST_OF_STATION),
        ),
        Fault("little_memory", "station", "the agent gets no more memory than this beyond what it has", 16.0, "MB", bounds=(0.0, LARGEST)),
        Fault("slow_disk", "station", "each sync to disk takes longer", 3.0, "s (real)", bounds=(0.0, 3600.0)),
        Fault("full_disk", "station", "the station's disk is full", 0.0, "bytes left free", bounds=(0.0, LARGEST_OF_STATION)),
    )
}
"""Every fault by name."""

STAGED = frozenset({"no_network", "slow_network", "late_network", "lossy_network", "power_cut", "little_memory", "slow_disk"})
"""What only whoever holds processes and network can carry out: on a stage not the world but the stage itself."""
