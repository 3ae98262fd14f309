/** From the counts of an instrument to one light. Pure. */
import type { InstrumentHealth } from "../api/types";

export type Light = "ok" | "warn" | "bad" | "unknown";

const GOOD_STATES: readonly string[] = ["ok", "good", "up", "online", "working", "running", "connected", "reading"];
const BAD_STATES: readonly string[] = ["silent", "lost", "down", "offline", "failed", "dead", "disconnected", "no_answer", "stale", "unplugged"];
const SILENT_S = 120;
const ERROR_SHARE = 0.02;

export function light(health: InstrumentHealth | undefined): Light {
  if (!health) return "unknown";
  const { good, bad, timeouts, last_age_s: lastAge } = health;
  const state = health.state.toLowerCase();
  if (BAD_STATES.includes(state) || (lastAge !== null && lastAge > SILENT_S)) return "bad";
  const wrong = (bad ?? 0) + (timeouts ?? 0);
  const all = wrong + (good ?? 0);
  if (good === 0 && wrong > 0) return "bad";
  if (all > 0 && wrong / all > ERROR_SHARE) return "warn";
  if (good !== null && good > 0) return "ok";
  return GOOD_STATES.includes(state) ? "ok" : state === "" ? "unknown" : "warn";
}
