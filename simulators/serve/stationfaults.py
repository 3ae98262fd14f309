"""Faults of links and of the whole station carried out: plugs pulled, clock set wrong, network cut, disk filled; each noted as truth.

Faults of single instruments act where their records are made; here their beginning and end are only noted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from firmware_config.base import log
from firmware_config.base.clock import WorldClockFile
from simulators.errors import SimulatorError
from simulators.faults.timeline import ActiveFault, Timeline
from simulators.serve.ballast import Ballast
from simulators.serve.ports import Port
from simulators.serve.proxy import TcpProxy
from simulators.serve.truthlog import TruthLog

logger = log.get(__name__)


class StationFaults:
    """Call ``apply`` often; it compares what is on with what should be on."""

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
    ) -> None:
        self._timeline = timeline
        self._truth = truth
        self._ports = ports
        self._clock_file = clock_file
        self._station = station
        self._proxy = proxy
        self._ballast = ballast
        self._on: dict[ActiveFault, bool] = {}
        """fault → it could be carried out"""

    async def apply(self, now_ms: float) -> None:
        """End what is over, begin what is due."""
        wanted = [fault for fault in self._timeline.faults if fault.on(now_ms)]
        for fault in [f for f in self._on if f not in wanted]:
            await self._end(fault, min(now_ms, fault.end_ms))
        for fault in wanted:
            if fault not in self._on:
                await self._begin(fault, now_ms)

    async def close(self) -> None:
        """End everything that outlives this process: clock and disk."""
        for fault in list(self._on):
            if fault.name in ("bad_clock", "full_disk") and self._on[fault]:
                await self._do(fault, begin=False)

    async def _begin(self, fault: ActiveFault, now_ms: float) -> None:
        try:
            await self._do(fault, begin=True)
            self._on[fault] = True
            self._truth.note(max(now_ms, fault.begin_ms), "fault", state="begun", **fault.describe())
        except (SimulatorError, OSError) as error:
            self._on[fault] = False
            logger.error("fault cannot be carried out", fault=fault.name, problem=str(error))
            self._truth.note(now_ms, "fault", state="refused", reason=str(error), **fault.describe())

    async def _end(self, fault: ActiveFault, at_ms: float) -> None:
        carried_out = self._on.pop(fault)
        if not carried_out:
            return
        await self._do(fault, begin=False)
        self._truth.note(at_ms, "fault", state="ended", **fault.describe())

    async def _do(self, fault: ActiveFault, *, begin: bool) -> None:
        actions: dict[str, Callable[..., Awaitable[None]]] = {
            "unplugged": self._unplug,
            "bad_clock": self._spoil_clock,
            "no_network": self._network,
            "slow_network": self._network,
            "late_network": self._network,
            "full_disk": self._fill_disk,
        }
        action = actions.get(fault.name)
        if action is not None:
            await action(fault, begin=begin)

    async def _unplug(self, fault: ActiveFault, *, begin: bool) -> None:
        port = self._ports[str(fault.entry.link)]
        if begin:
            await port.unplug()
        else:
            await port.plug()

    async def _spoil_clock(self, fault: ActiveFault, *, begin: bool) -> None:
        if self._clock_file is None:
            raise SimulatorError("bad_clock needs a world clock (HAITAN_CLOCK, or --speed)")
        if begin:
            self._clock_file.set_fault(self._station, offset_ms=fault.magnitude * 1e3, quality=fault.entry.quality)
        else:
            self._clock_file.set_fault(self._station)

    async def _network(self, fault: ActiveFault, *, begin: bool) -> None:
        if self._proxy is None:
            raise SimulatorError(f"{fault.name} needs the proxy between station and broker (--broker HOST:PORT)")
        self._proxy.heal()
        for other in [*(f for f, done in self._on.items() if done and f is not fault), *([fault] if begin else [])]:
            if other.name == "no_network":
                (self._proxy.reset if other.entry.mode == "reset" else self._proxy.cut)()
            elif other.name == "slow_network":
                self._proxy.slow(other.magnitude)
            elif other.name == "late_network":
                self._proxy.delay(other.magnitude)

    async def _fill_disk(self, fault: ActiveFault, *, begin: bool) -> None:
        if self._ballast is None:
            raise SimulatorError("full_disk needs to know the directory of the station's data (--disk DIR)")
        if begin:
            self._ballast.fill(int(fault.magnitude))
        else:
            self._ballast.release()
