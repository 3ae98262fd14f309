"""Faults of links and of the whole station carried out by its world: plugs pulled, clock set wrong, network cut, disk filled.

On a stage network, power, memory and the speed of the disk are not the world's business (``staged``); without one, the last three have
nobody who could carry them out and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from firmware_config.base.clock import WorldClockFile
from firmware_config.records import ClockQuality
from simulators.errors import SimulatorError
from simulators.faults.catalogue import STAGED
from simulators.faults.timeline import ActiveFault, Timeline
from simulators.serve.ballast import Ballast
from simulators.serve.carrier import Action, Carrier, disturb
from simulators.serve.ports import Port
from simulators.serve.proxy import TcpProxy
from simulators.serve.truthlog import TruthLog

CLOCK = frozenset({"bad_clock", "clock_1970", "clock_drift", "no_time_source"})
NETWORK = frozenset({"no_network", "slow_network", "late_network", "lossy_network"})
CLOCK_STEP_MS = 5.0
"""a drifting clock is set anew when it has moved so far"""
MS_PER = {"clock_drift": 3.6e6, "no_time_source": 86.4e6}
"""world milliseconds in which the magnitude of a drift adds up"""


class StationFaults(Carrier):
    """See the module; ``apply`` often, ``close`` at the end."""

    def __init__(
        self,
        timeline: Timeline,
        truth: TruthLog,
        ports: Mapping[str, Port],
        *,
        station: str,
        clock_file: WorldClockFile | None,
        proxy: TcpProxy | None,
        ballast: Ballast | None,
        staged: bool = False,
    ) -> None:
        actions: dict[str, Action] = {"unplugged": self._unplug, "full_disk": self._fill_disk}
        actions |= dict.fromkeys(CLOCK, self._check_clock) | dict.fromkeys(NETWORK, self._network)
        actions |= dict.fromkeys(("power_cut", "little_memory", "slow_disk"), self._refuse)
        super().__init__(timeline, truth, actions, lambda name: not (staged and name in STAGED))
        self._ports = ports
        self._clock_file = clock_file
        self._station = station
        self._proxy = proxy
        self._ballast = ballast
        self._clock_is: tuple[float, ClockQuality | None] = (0.0, None)

    async def apply(self, now_ms: float) -> None:
        """End what is over, begin what is due, and let drifting clocks drift."""
        await super().apply(now_ms)
        self._set_clock(now_ms, [fault for fault in self.carried_out if fault.name in CLOCK])

    async def close(self) -> None:
        """End everything that outlives this process: clock and disk."""
        self._set_clock(0.0, [])
        for fault in self.carried_out:
            if fault.name == "full_disk":
                await self.act(fault, begin=False)

    async def _unplug(self, fault: ActiveFault, *, begin: bool) -> None:
        port = self._ports[str(fault.entry.link)]
        if begin:
            await port.unplug()
        else:
            await port.plug()

    async def _check_clock(self, fault: ActiveFault, *, begin: bool) -> None:
        if self._clock_file is None:
            raise SimulatorError(f"{fault.name} needs a world clock (HAITAN_CLOCK, or --speed)")

    def _set_clock(self, now_ms: float, faults: list[ActiveFault]) -> None:
        offset_ms = sum(clock_offset_ms(fault, now_ms) for fault in faults)
        said = [one for fault in faults if (one := clock_quality(fault)) is not None]
        quality: ClockQuality | None = "unset" if "unset" in said else said[0] if said else None
        was_ms, was = self._clock_is
        moved = abs(offset_ms - was_ms) >= CLOCK_STEP_MS or (offset_ms != was_ms and not faults)
        if self._clock_file is None or (quality == was and not moved):
            return
        self._clock_is = (offset_ms, quality)
        if faults:
            self._clock_file.set_fault(self._station, offset_ms=offset_ms, quality=quality)
        else:
            self._clock_file.set_fault(self._station)

    async def _network(self, fault: ActiveFault, *, begin: bool) -> None:
        if self._proxy is None:
            raise SimulatorError(f"{fault.name} needs the proxy between station and broker (--broker HOST:PORT)")
        disturb(self._proxy, [f for f in self.carried_out if f.name in NETWORK])

    async def _refuse(self, fault: ActiveFault, *, begin: bool) -> None:
        raise SimulatorError(f"{fault.name} needs a stage that holds the station's processes (haitan-sim demo)")

    async def _fill_disk(self, fault: ActiveFault, *, begin: bool) -> None:
        if self._ballast is None:
            raise SimulatorError("full_disk needs to know the directory of the station's data (--disk DIR)")
        if begin:
            self._ballast.fill(int(fault.magnitude))
        else:
            self._ballast.release()


def clock_offset_ms(fault: ActiveFault, now_ms: float) -> float:
    """How far the station's clock is off at a time of the world."""
    if fault.name == "clock_1970":
        year = datetime(min(max(int(fault.magnitude), 1970), 9000), 1, 1, tzinfo=UTC)
        return year.timestamp() * 1e3 - fault.begin_ms
    if fault.name in MS_PER:
        return 1e3 * fault.magnitude * (now_ms - fault.begin_ms) / MS_PER[fault.name]
    return 1e3 * fault.magnitude


def clock_quality(fault: ActiveFault) -> ClockQuality | None:
    """What the clock says of itself meanwhile; None: nothing of its own."""
    said: dict[str, ClockQuality] = {"clock_1970": "unset", "no_time_source": "holdover"}
    return fault.entry.quality or said.get(fault.name)
