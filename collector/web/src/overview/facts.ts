/** What the symbol and the list row of a station are made of. Pure. */
import type { Alarm, Detail, Newest, Summary } from "../api/types";
import { CARBON_FLUXES, parts } from "../format/series";
import type { SymbolFacts } from "../parts/Symbol";
import { freshness } from "../state/freshness";
import { byUrgency } from "../state/order";
import { FLAG_FAIL } from "../station/chart/prepare";

export function symbolFacts(station: Summary, now: number, speed: number): SymbolFacts {
  return {
    severity: station.worst?.severity ?? null,
    acknowledged: station.worst?.acknowledged ?? false,
    freshness: freshness(station.data_t, now, speed),
    waiting: station.queue.depth ?? 0,
  };
}

/** The newest carbon flux of a station: one that may be used before one that failed (a buoy's eddy flux), eddy covariance before the bulk flux. */
export function carbonFlux(detail: Detail | undefined): { series: string; unit: string; newest: Newest } | null {
  if (!detail) return null;
  const found = Object.entries(detail.newest)
    .map(([series, newest]) => ({ series, newest, ...parts(series) }))
    .filter(({ quantity, statistic, newest }) => statistic === "" && CARBON_FLUXES.includes(quantity) && typeof newest.value === "number")
    .sort((a, b) => failed(a.newest) - failed(b.newest) || CARBON_FLUXES.indexOf(a.quantity) - CARBON_FLUXES.indexOf(b.quantity) || b.newest.t - a.newest.t)[0];
  return found ? { series: found.series, unit: detail.series[found.series]?.unit ?? "", newest: found.newest } : null;
}

const failed = (newest: Newest): number => (newest.flag >= FLAG_FAIL ? 1 : 0);

export function worstAlarm(alarms: Iterable<Alarm>, station: string): Alarm | null {
  return [...alarms].filter((alarm) => alarm.station === station).sort(byUrgency)[0] ?? null;
}
