"""Products that are computed from slow series on their own schedule: water level, air-sea flux and oxygen saturation.

Each is asked of the science child when its period is over, with the inputs the station file names; the record says which were used. A
period that was over before the agent started is not made up afterwards.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from edge.agent.acquisition import Source
from edge.agent.book import SeriesBook
from edge.agent.inputs import Inputs
from edge.agent.recorder import Recorder
from edge.agent.results import placed
from edge.agent.schedule import periods
from edge.agent.timebase import StationTime
from edge.compute.client import ScienceClient
from edge.compute.messages import Answer, Request
from edge.compute.request import build_request, needs_of
from edge.errors import ScienceError
from edge.instruments import Reading
from firmware_config.flags import Flag
from firmware_config.quantities import split_series
from firmware_config.records import Draft
from firmware_config.sense import LEVEL_SOURCES
from firmware_config.station import AirSeaFlux, OxygenSaturation, Station, Tide

TIDE_EVERY_MS = 360_000
TIDE_HALF_MS = 90_500
TIDE_SPAN_MS = 181_000
KEEP_SAMPLES_MS = 900_000
OXYGEN_EVERY_MS = 600_000


class Asker:
    """Asks science for one product and remembers its values as inputs of others; a failure is reported and gives nothing."""

    def __init__(self, science: ScienceClient, recorder: Recorder, book: SeriesBook, time: StationTime) -> None:
        self._science = science
        self._recorder = recorder
        self._book = book
        self._time = time

    async def ask(self, request: Request, place: str, t: int) -> Answer | None:
        try:
            answer = await self._science.ask(request)
        except ScienceError as error:
            self._recorder.event("science_failed", product=request.kind, place=place, t=t, problem=str(error))
            return None
        for name, value in placed(answer, place)["values"].items():
            if split_series(name).statistic is None:
                flag = answer.flags.get(split_series(name).quantity, int(Flag.NOT_EVALUATED))
                self._book.take_product(name, value, flag, self._time.now_ms())  # type: ignore[arg-type]
        return answer


class TideProduct:
    """Six-minute water level: 181 one-second samples centred on each tenth of an hour. No interpolation: what is there is used, the share
    says how much."""

    def __init__(self, station: Station, product: Tide, source: Source, inputs: Inputs, time: StationTime) -> None:
        self.product = product
        self.instrument = source.instrument.id
        self._station = station
        self._inputs = inputs
        self._time = time
        self._interval_ms = source.instrument.every or round(1000 / (source.instrument.rate or 1.0))
        self._quantity = next((q for q in LEVEL_SOURCES if q in source.driver.quantities), "water_pressure")
        self._samples: deque[tuple[float, float | None]] = deque()

    def take(self, reading: Reading, at_ms: float) -> None:
        """A reading of the instrument; its suspect values do not count."""
        value = None if reading.suspect or reading.doubt else reading.quantities.get(self._quantity)
        self._samples.append((at_ms, value))
        while self._samples and self._samples[0][0] < at_ms - KEEP_SAMPLES_MS:
            self._samples.popleft()

    def request(self, centre_ms: int) -> Request:
        """The request for the level at ``centre_ms`` (UTC)."""
        begin_ms = centre_ms - TIDE_HALF_MS
        chosen = [(round(self._time.utc_ms(at)), value) for at, value in self._samples]
        chosen = [(t, value) for t, value in chosen if begin_ms <= t < begin_ms + TIDE_SPAN_MS]
        now_ms = self._time.now_ms()
        inputs = {role: self._inputs.over(name, begin_ms, begin_ms + TIDE_SPAN_MS, now_ms) for role, name in needs_of(self.product).items()}
        samples = {
            "t_ms": [t for t, _ in chosen],
            "values": [value for _, value in chosen],
            "interval_ms": self._interval_ms,
            "centre_ms": centre_ms,
            "quantity": self._quantity,
        }
        return build_request(self._station, self.product, number=0, inputs=inputs, samples=samples)


async def run_tide(tide: TideProduct, asker: Asker, recorder: Recorder, time: StationTime, settle_ms: Callable[[], float]) -> None:
    """Every tenth of an hour, for ever."""

    async def ask(centre_ms: int) -> None:
        answer = await asker.ask(tide.request(centre_ms), tide.product.place, centre_ms)
        if answer is not None:
            recorder.put(_draft("tide", centre_ms - TIDE_HALF_MS, TIDE_SPAN_MS, time, [(answer, tide.product.place)]))

    async with asyncio.TaskGroup() as asking:  # science may be busy; the next level is due all the same
        async for centre_ms in periods(time, TIDE_EVERY_MS, lambda: TIDE_SPAN_MS - TIDE_HALF_MS + settle_ms()):
            asking.create_task(ask(centre_ms))


class GasProducts:
    """Air-sea flux and oxygen saturation: all of a station in one ``gas`` record, from the means of its period."""

    def __init__(self, station: Station, products: Sequence[AirSeaFlux | OxygenSaturation], inputs: Inputs, time: StationTime) -> None:
        self.products = products
        self._station = station
        self._inputs = inputs
        self._time = time
        self.every_ms = min((p.every for p in products if isinstance(p, AirSeaFlux)), default=OXYGEN_EVERY_MS)

    def requests(self, begin_ms: int) -> list[tuple[Request, str]]:
        """What to ask for the period that began at ``begin_ms`` (UTC), each with its place."""
        now_ms = self._time.now_ms()
        found = []
        for product in self.products:
            inputs = {role: self._inputs.over(name, begin_ms, begin_ms + self.every_ms, now_ms) for role, name in needs_of(product).items()}
            found.append((build_request(self._station, product, number=0, inputs=inputs), product.place))
        return found


async def run_gas(gas: GasProducts, asker: Asker, recorder: Recorder, time: StationTime, settle_ms: Callable[[], float]) -> None:
    """At the end of each period, for ever."""

    async def ask(begin_ms: int) -> None:
        answers = []
        for request, place in gas.requests(begin_ms):
            answer = await asker.ask(request, place, begin_ms)
            if answer is not None:
                answers.append((answer, place))
        if answers:
            recorder.put(_draft("gas", begin_ms, gas.every_ms, time, answers))

    async with asyncio.TaskGroup() as asking:
        async for end_ms in periods(time, gas.every_ms, settle_ms):
            asking.create_task(ask(end_ms - gas.every_ms))


def _draft(stream: str, t: int, dt: int, time: StationTime, answers: Sequence[tuple[Answer, str]]) -> Draft:
    """One record from the answers of a period."""
    merged: dict[str, dict[str, Any]] = {}
    details: dict[str, Any] = {}
    for answer, place in answers:
        for name, content in placed(answer, place).items():
            if name != "detail":
                merged.setdefault(name, {}).update(content)
            elif content:
                details[place if place not in details else f"{place}-{len(details)}"] = content
    begin_ms = t - time.offset_ms
    quality = time.quality_over(begin_ms, begin_ms + dt)
    return Draft(stream=stream, t=t, dt=dt, clock=quality, detail=details, **merged)  # type: ignore[arg-type]
