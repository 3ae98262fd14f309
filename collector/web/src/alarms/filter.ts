/** Which alarms are shown. Pure. */
import type { Alarm } from "../api/types";

export const ANY = "";
export const STATES = ["active", "returned", "unack", "ack"] as const;

export interface Filter {
  severity: string;
  state: string;
  words: string;
}

export function matches(alarm: Alarm, filter: Filter): boolean {
  if (filter.severity !== ANY && alarm.severity !== filter.severity) return false;
  if (filter.state === "active" && alarm.condition !== "active") return false;
  if (filter.state === "returned" && alarm.condition !== "returned") return false;
  if (filter.state === "unack" && alarm.acknowledged) return false;
  if (filter.state === "ack" && !alarm.acknowledged) return false;
  const told = [alarm.title, alarm.message].flatMap(({ en, zh }) => [en, zh]);
  const all = [...told, alarm.station, alarm.series, alarm.acknowledged?.who ?? ""].join(" ").toLowerCase();
  return filter.words.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}
