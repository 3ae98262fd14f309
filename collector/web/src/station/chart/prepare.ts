/**
 * From series as they come to what a chart draws. Pure.
 *
 * Gaps stay gaps: a line breaks where a record is missing and at every value that failed. Nothing is left out of the marks: a failed value is
 * drawn as a cross even where it lies beyond the scale.
 */
import type { SeriesData } from "../../api/types";

export interface Point {
  /** UTC seconds, as uPlot wants them */
  t: number;
  v: number | null;
  flag: number;
  class: number | null;
  min: number | null;
  max: number | null;
}

export interface Track {
  series: string;
  /** what the legend calls it: the place */
  label: string;
  points: Point[];
}

export const FLAG_SUSPECT = 3;
export const FLAG_FAIL = 4;
export const FLAG_MISSING = 9;
const GAP_FACTOR = 1.6;

export function pointsOf(data: SeriesData, bucketMs: number): Point[] {
  return data.t.map((t, i) => ({
    t: (t + bucketMs / 2) / 1000,
    v: data.v[i] ?? null,
    flag: data.flag[i] ?? 2,
    class: data.class[i] ?? null,
    min: data.min[i] ?? null,
    max: data.max[i] ?? null,
  }));
}

/** The usual distance of two points, in seconds: the period of the stream or the rollup, else the median found. */
export function usualSpacing(points: Point[], periodMs: number): number {
  if (periodMs > 0) return periodMs / 1000;
  const steps = points.slice(1).map((p, i) => p.t - points[i]!.t).filter((step) => step > 0);
  if (steps.length === 0) return Infinity;
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)]! * 2;
}

/** Is this a value a line may pass through? */
const drawable = (p: Point): boolean => p.v !== null && p.flag !== FLAG_FAIL && p.flag !== FLAG_MISSING;

/** The points of the line, with a null wherever it must break. */
export function lineOf(points: Point[], spacing: number): { t: number; v: number | null }[] {
  const line: { t: number; v: number | null }[] = [];
  points.forEach((p, i) => {
    const before = points[i - 1];
    if (before && p.t - before.t > spacing * GAP_FACTOR) line.push({ t: before.t + (p.t - before.t) / 2, v: null });
    line.push({ t: p.t, v: drawable(p) ? p.v : null });
  });
  return line;
}

/** One time axis for several lines; `undefined` where a line has nothing to say (uPlot draws through), null where it breaks. */
export function joined(lines: { t: number; v: number | null }[][]): [number[], ...(number | null | undefined)[][]] {
  const times = [...new Set(lines.flatMap((line) => line.map((p) => p.t)))].sort((a, b) => a - b);
  const columns = lines.map((line) => {
    const at = new Map(line.map((p) => [p.t, p.v]));
    return times.map((t) => at.get(t));
  });
  return [times, ...columns];
}

const SAME = 1e-6; // of the value: what differs by less was only rounded differently

/** The scale of the values: everything that did not fail, with a little air; values that are the same but for rounding lie level. */
export function valueRange(tracks: Track[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  const take = (v: number | null) => {
    if (v === null) return;
    low = Math.min(low, v);
    high = Math.max(high, v);
  };
  const every = tracks.flatMap((track) => track.points);
  for (const p of every.filter(drawable)) [p.v, p.min, p.max].forEach(take);
  if (low > high) every.forEach((p) => take(p.v));
  if (low > high) return [0, 1];
  const flat = high - low <= SAME * Math.max(Math.abs(high), Math.abs(low));
  const air = flat ? Math.max(Math.abs(high) * 0.02, 0.5) : (high - low) * 0.08;
  return [low - air, high + air];
}

/** The point of a track nearest to `t`, within `reach` seconds. */
export function nearest(points: Point[], t: number, reach: number): Point | null {
  let [from, to] = [0, points.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (points[middle]!.t < t) from = middle + 1;
    else to = middle;
  }
  const [before, after] = [points[from - 1], points[from]];
  const best = !before ? after : !after ? before : t - before.t <= after.t - t ? before : after;
  return best && Math.abs(best.t - t) <= reach ? best : null;
}
