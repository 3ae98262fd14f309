/** Series of a station over a window: asked for, kept up to date, with what arrives live added at the end. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { getSeries } from "../api/client";
import type { SeriesAnswer, SeriesData } from "../api/types";
import { MINUTE, SECOND } from "../format/time";
import { useCell } from "../state/cell";
import { store, type Arrival } from "../state/store";
import { isProduct } from "./products";

export interface SeriesWindow {
  from: number;
  to: number;
}

export interface SeriesResult {
  answer: SeriesAnswer | null;
  /** changes whenever something was added to the answer in place */
  version: number;
  error: unknown;
}

const POINTS = 2_000;
const NEWER_MS = 900;
const LIVE_AGE_S = 15;
const AFTER_RECORD_MS = 1_500;

/**
 * `window` gives the window to ask for at that moment; `key` names it (asked again when it changes); `refreshMs` is real time.
 * With `live`, newest values (2 s) are appended until a record takes their place; records are always appended. What a station computes
 * over a longer time than a minute (a flux) comes by its record alone: its value said live is no value of that moment.
 */
export function useSeries(station: string, series: string[], key: string, window: () => SeriesWindow, refreshMs: number, live: boolean): SeriesResult {
  const [result, setResult] = useState<Omit<SeriesResult, "version">>({ answer: null, error: null });
  const [version, drawn] = useReducer((n: number) => n + 1, 0);
  const latest = useRef<SeriesAnswer | null>(null);
  const asked = useRef(0);
  const connected = useCell(store.connection).state === "open";
  const names = series.join(",");

  useEffect(() => {
    let soon = 0;
    const ask = () => {
      if (names === "") return;
      const mine = (asked.current += 1);
      const { from, to } = window();
      getSeries(station, names.split(","), from, to, POINTS).then(
        (answer) => {
          if (mine !== asked.current) return;
          latest.current = withTail(answer, latest.current);
          setResult({ answer: latest.current, error: null });
        },
        (error: unknown) => mine === asked.current && setResult({ answer: latest.current, error }),
      );
    };
    const stop = store.listen((arrival) => {
      if (arrival.values.station !== station) return;
      if (latest.current && append(latest.current, arrival, live)) drawn(undefined);
      if (arrival.kind === "record" && soon === 0 && names.split(",").some((name) => name in arrival.values.values)) {
        soon = globalThis.window.setTimeout(() => {
          soon = 0;
          ask();
        }, AFTER_RECORD_MS);
      }
    });
    ask();
    const timer = setInterval(ask, refreshMs);
    return () => {
      asked.current += 1;
      clearInterval(timer);
      clearTimeout(soon);
      stop();
    };
  }, [station, names, key, refreshMs, live, connected]);
  useEffect(() => {
    latest.current = null;
    setResult({ answer: null, error: null });
  }, [station]);
  return { ...result, version };
}

/** How often to ask again: about sixty times per window, but at least each minute and not more than each five seconds. */
export const refreshEvery = (spanMs: number, speed: number): number => Math.min(MINUTE, Math.max(5 * SECOND, spanMs / 60 / speed));

/** The new answer with the live points of the old one that are newer than its records, and lie in its window: yesterday's do not. */
function withTail(answer: SeriesAnswer, before: SeriesAnswer | null): SeriesAnswer {
  if (answer.bucket_ms > 0 || !before || before.bucket_ms > 0) return answer;
  for (const [name, data] of Object.entries(answer.series)) {
    const old = before.series[name];
    const last = data.t.at(-1) ?? answer.from - 1;
    old?.t.forEach((t, i) => t > last && push(data, t, old.v[i] ?? null, old.flag[i] ?? 2, old.class[i] ?? null));
  }
  return answer;
}

/** Add what arrived to the answer in place; true when something was added. */
function append(answer: SeriesAnswer, arrival: Arrival, live: boolean): boolean {
  if (answer.bucket_ms > 0 || (arrival.kind === "live" && !live)) return false;
  let added = false;
  for (const [name, data] of Object.entries(answer.series)) {
    const value = arrival.values.values[name];
    if (typeof value !== "number") continue;
    if (arrival.kind === "live" && isProduct(store.details.get().get(arrival.values.station), name)) continue;
    const ageS = arrival.kind === "live" ? (arrival.values.ages_s[name] ?? 0) : 0;
    if (ageS > LIVE_AGE_S * Math.max(1, store.world.speed)) continue; // an old value repeated is not a new point
    const t = arrival.values.t - ageS * 1000;
    if (t <= (data.t.at(-1) ?? -Infinity) + NEWER_MS) continue;
    push(data, t, value, arrival.values.flags[name] ?? 2, arrival.kind === "record" ? (arrival.values.classes[name] ?? null) : null);
    added = true;
  }
  return added;
}

function push(data: SeriesData, t: number, v: number | null, flag: number, cls: number | null): void {
  data.t.push(t);
  data.v.push(v);
  data.flag.push(flag);
  data.class.push(cls);
  data.min.push(null);
  data.max.push(null);
  data.share.push(null);
}
