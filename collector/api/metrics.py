"""``/metrics`` for Prometheus: the centre's own numbers, read from its parts at each scrape. No state of its own, no default registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from collector.api.stations import summary

if TYPE_CHECKING:
    from collector.api.context import Context

Family = CounterMetricFamily | GaugeMetricFamily


class CentreMetrics(Collector):
    """What the centre counts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Family]:
        yield from self._ingest(self._context.says("ingest"))
        yield from self._sink(self._context.says("sink"))
        yield from self._stations()
        yield from self._alarms()
        yield from self._http()

    def _ingest(self, facts: dict[str, Any]) -> Iterator[Family]:
        for fact, name, help_text in (
            ("records", "records", "Records committed since the start"),
            ("same", "duplicates", "Records that were in the store already (sent again)"),
            ("conflicts", "conflicts", "Records that came with a known number and other content"),
            ("parked", "parked", "Messages and records set aside"),
            ("live", "live", "Live messages heard"),
            ("acks", "acknowledgements", "Acknowledgements published"),
            ("refused_for_memory", "refused_for_memory", "Messages let go for want of memory; stations send them again"),
        ):
            if isinstance(facts.get(fact), int):
                yield CounterMetricFamily(f"haitan_{name}", help_text, value=facts[fact])
        for name, help_text in (("broker", "1 while the broker is connected"), ("store_ok", "1 while the store takes records")):
            if isinstance(facts.get(name), bool):
                yield GaugeMetricFamily(f"haitan_{name}", help_text, value=float(facts[name]))

    def _sink(self, facts: dict[str, Any]) -> Iterator[Family]:
        if not facts.get("name"):
            return
        yield GaugeMetricFamily("haitan_sink_ok", "1 while the time-series database takes data", value=float(facts.get("ok") is not False))
        if isinstance(facts.get("lag_records"), (int, float)):
            yield GaugeMetricFamily("haitan_sink_lag_records", "Committed records not yet handed on", value=facts["lag_records"])
        yield GaugeMetricFamily("haitan_sink_parked", "Records refused by the time-series database", value=float(facts.get("parked", 0)))

    def _stations(self) -> Iterator[Family]:
        states: Counter[str] = Counter({"online": 0, "offline": 0, "stopping": 0, "unknown": 0})
        age = GaugeMetricFamily("haitan_station_data_age_seconds", "Age of a station's newest data", labels=["station"])
        depth = GaugeMetricFamily("haitan_station_outbox_records", "Records waiting at a station", labels=["station"])
        now = self._context.centre.clock.now_ms()
        for view in self._context.centre.hub.stations.values():
            facts = summary(self._context, view)
            states[facts["state"]] += 1
            if view.data_t is not None:
                age.add_metric([view.id], (now - view.data_t) / 1000)
            if facts["queue"]["depth"] is not None:
                depth.add_metric([view.id], facts["queue"]["depth"])
        yield _by("haitan_stations", "Stations by state", "state", states)
        yield age
        yield depth

    def _alarms(self) -> Iterator[Family]:
        book = self._context.engine.book
        found: Counter[str] = Counter({"low": 0, "medium": 0, "high": 0})
        found.update(alarm.severity for alarm in book.open.values())
        yield _by("haitan_open_alarms", "Open alarms by highest severity", "severity", found)
        waiting = sum(alarm.needs_acknowledging for alarm in book.open.values())
        yield GaugeMetricFamily("haitan_unacknowledged_alarms", "Open alarms that nobody has acknowledged", value=waiting)
        family = CounterMetricFamily("haitan_alarm_transitions", "Alarm transitions since the start", labels=["name"])
        for name, count in sorted(book.counts.items()):
            family.add_metric([name], count)
        yield family
        yield CounterMetricFamily("haitan_alarm_errors", "Faults while judging alarms", value=self._context.engine.counts["errors"])

    def _http(self) -> Iterator[Family]:
        feed = self._context.feed
        yield GaugeMetricFamily("haitan_live_clients", "Pages connected to the live feed", value=feed.clients)
        yield CounterMetricFamily("haitan_live_dropped", "Pages disconnected because they did not keep up", value=feed.dropped)
        yield CounterMetricFamily("haitan_http_errors", "Requests that failed in the centre", value=self._context.errors + feed.errors)
        yield CounterMetricFamily(
            "haitan_notices_missed", "Notices lost by listeners that did not keep up", value=self._context.centre.hub.missed
        )


def _by(name: str, help_text: str, label: str, counts: Counter[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family


def exposition(context: Context) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(CentreMetrics(context))
    return generate_latest(registry)
