/** Which alarm and which station is worst. Pure. */
import type { Alarm, Severity, Summary } from "../api/types";
import { freshness } from "./freshness";

const RANK: Record<Severity, number> = { high: 3, medium: 2, low: 1 };

/** Active and not acknowledged first, then what came back unseen, then what somebody has; within each the more severe, then the newer. */
export function byUrgency(a: Alarm, b: Alarm): number {
  return group(a) - group(b) || RANK[b.severity] - RANK[a.severity] || b.raised_ms - a.raised_ms;
}

function group(alarm: Alarm): number {
  if (alarm.condition === "cleared") return 4;
  if (alarm.acknowledged) return alarm.condition === "active" ? 2 : 3;
  return alarm.condition === "active" ? 0 : 1;
}

/** A number that is larger the worse the station is. */
export function trouble(station: Summary, now: number, speed: number): number {
  const alarm = station.worst ? RANK[station.worst.severity] * 10 + (station.worst.acknowledged ? 0 : 100) : 0;
  const age = { fresh: 0, late: 2, silent: 5 }[freshness(station.data_t, now, speed)];
  return alarm + age + (station.state === "online" ? 0 : 3);
}

export function worstFirst(stations: Iterable<Summary>, now: number, speed: number): Summary[] {
  return [...stations].sort((a, b) => trouble(b, now, speed) - trouble(a, now, speed) || a.id.localeCompare(b.id));
}
