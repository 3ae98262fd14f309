/** Times and ages as people read them. Station time is the station's own zone; UTC stands beside it. Days are days of the station. */
import type { Say } from "../language/language";

export const BEIJING = "Asia/Shanghai";
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

interface Parts {
  year: string;
  month: string;
  day: string;
  hour: string;
  minute: string;
  second: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const options = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  let made: Intl.DateTimeFormat;
  try {
    made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
  } catch {
    made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }); // a zone this browser does not know
  }
  formats.set(zone, made);
  return made;
}

/** The wall clock at `t` (UTC ms) in `zone`, as two-digit texts. */
export function wall(t: number, zone: string): Parts {
  const parts = Object.fromEntries(formatOf(zone).formatToParts(t).map((p) => [p.type, p.value]));
  return parts as unknown as Parts;
}

export function clockTime(t: number, zone: string, seconds = true): string {
  const { hour, minute, second } = wall(t, zone);
  return seconds ? `${hour}:${minute}:${second}` : `${hour}:${minute}`;
}

export function date(t: number, zone: string): string {
  const { year, month, day } = wall(t, zone);
  return `${year}-${month}-${day}`;
}

export const dateTime = (t: number, zone: string, seconds = false): string => `${date(t, zone)} ${clockTime(t, zone, seconds)}`;

/** The time alone when it is the same day as `now`, else with its date. */
export function shortTime(t: number, now: number, zone: string): string {
  return date(t, zone) === date(now, zone) ? clockTime(t, zone, false) : dateTime(t, zone).slice(5);
}

/** Name of the zone in words: "Beijing time". */
export const zoneName = (zone: string, say: Say): string => (zone === BEIJING ? say("beijing_time") : zone === "UTC" ? say("utc") : say("station_time", { zone }));

/** Start of the station's day that contains `t`. Correct also where the offset is not whole hours. */
export function dayStart(t: number, zone: string): number {
  const { hour, minute, second } = wall(t, zone);
  const sinceMidnight = (Number(hour) * 60 + Number(minute)) * MINUTE + Number(second) * SECOND;
  return Math.floor(t / SECOND) * SECOND - sinceMidnight;
}

/** "35 s", "12 min", "3 h 20 min", "2 d 4 h". A time in the future counts as 0. */
export function age(ms: number, say: Say): string {
  const s = Math.max(0, Math.floor(ms / SECOND));
  if (s < 90) return say("seconds", { n: s });
  const minutes = Math.floor(s / 60);
  if (minutes < 90) return say("minutes", { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 && hours < 10 ? say("hours_minutes", { n: hours, m: minutes % 60 }) : say("hours", { n: hours });
  const days = Math.floor(hours / 24);
  return hours % 24 && days < 10 ? say("days_hours", { n: days, m: hours % 24 }) : say("days", { n: days });
}
