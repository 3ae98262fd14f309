/** From the counts of an instrument to one light. Pure. */
import type { InstrumentHealth } from "../api/types";

export type Light = "ok" | "warn" | "bad" | "unknown";

const ERROR_SHARE = 0.02;

export function light(health: InstrumentHealth | undefined): Light {
  if (!health) return "unknown";
  if (health.state === "starting" || health.state === "") return "unknown";
  if (health.state !== "ok") return "bad"; // silent, invalid, and whatever else a newer station may call it
  const wrong = (health.bad ?? 0) + (health.timeouts ?? 0);
  return wrong / Math.max(1, wrong + (health.good ?? 0)) > ERROR_SHARE ? "warn" : "ok";
}

/** The key of the words for it. */
export function lightWord(health: InstrumentHealth | undefined): "light_ok" | "light_warn" | "light_bad" | "light_unknown" | "light_invalid" | "light_silent" | "light_starting" {
  if (health?.state === "invalid" || health?.state === "silent" || health?.state === "starting") return `light_${health.state}`;
  return `light_${light(health)}`;
}
