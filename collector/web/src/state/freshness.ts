/**
 * How old the newest data of a station may be. Pure.
 *
 * Records come about once a minute and travel a few real seconds; on a faster clock those seconds are longer in the world's time, hence the
 * speed in the limits.
 */
import { MINUTE, SECOND } from "../format/time";

export type Freshness = "fresh" | "late" | "silent";

const LATE_MS = 3 * MINUTE;
const SILENT_MS = 15 * MINUTE;

export const lateAfter = (speed: number): number => Math.max(LATE_MS, 20 * SECOND * speed);
export const silentAfter = (speed: number): number => Math.max(SILENT_MS, 90 * SECOND * speed);

export function freshness(dataT: number | null, now: number, speed = 1): Freshness {
  if (dataT === null || now - dataT > silentAfter(speed)) return "silent";
  return now - dataT > lateAfter(speed) ? "late" : "fresh";
}
