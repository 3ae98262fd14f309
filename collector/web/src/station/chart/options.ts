/** The look and behaviour of a chart, as uPlot takes it. Times are the station's. */
import uPlot from "uplot";
import { clockTime, DAY, wall } from "../../format/time";
import { numberText } from "../../format/value";
import { DASHES, drawBands, drawMarks, type Palette } from "./draw";
import type { Track } from "./prepare";

/** What a drawn chart reads while it lives; changed in place when new data come. */
export interface Live {
  tracks: Track[];
  spacing: number;
  bucketMs: number;
  /** UTC seconds */
  from: number;
  to: number;
  range: [number, number];
  zone: string;
  /** points only, no line (directions) */
  pointsOnly: boolean;
}

const FONT = "11px system-ui, sans-serif";
export const SYNC = "station-charts";

export function chartOptions(live: Live, palette: Palette, size: { width: number; height: number }, hear: { cursor: (u: uPlot) => void; select: (from: number, to: number) => void }): uPlot.Options {
  const axis = { stroke: palette.text, font: FONT, grid: { stroke: palette.grid, width: 1 }, ticks: { stroke: palette.grid, width: 1, size: 4 } };
  return {
    ...size,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => zoned(seconds, live.zone),
    scales: { x: { time: true, range: () => [live.from, live.to] }, y: { range: () => live.range } },
    axes: [
      { ...axis, space: 64, values: (_, splits, __, ___, step) => splits.map((t, i) => timeLabel(t, splits[i - 1], step ?? 0, live.zone)) },
      { ...axis, size: 58, space: size.height < 150 ? 20 : 28, values: (_, splits, __, ___, step) => splits.map((v) => fixed(v, decimalsOf(step ?? 1))) },
    ],
    series: [
      {},
      ...live.tracks.map((track, i): uPlot.Series => ({
        label: track.series,
        stroke: palette.tracks[i % palette.tracks.length]!,
        width: 1.5,
        dash: DASHES[i % DASHES.length]!,
        points: { show: false },
        spanGaps: false,
        ...(live.pointsOnly ? { paths: () => null } : {}),
      })),
    ],
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, sync: { key: SYNC, setSeries: false }, points: { show: false } },
    hooks: {
      drawAxes: [(u) => live.bucketMs > 0 && drawBands(u, live.tracks, palette, live.bucketMs / 1000)],
      draw: [(u) => drawMarks(u, live.tracks, palette, live.pointsOnly)],
      setCursor: [hear.cursor],
      setSelect: [
        (u) => {
          if (u.select.width < 8) return;
          hear.select(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

function zoned(seconds: number, zone: string): Date {
  try {
    return uPlot.tzDate(new Date(seconds * 1000), zone);
  } catch {
    return uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
  }
}

/** Decimals that show a step (1, 2, 2.5 or 5 times a power of ten) exactly; a step below a millionth is not told apart. */
function decimalsOf(step: number): number {
  let decimals = 0;
  while (decimals < 6 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6 * step * 10 ** decimals) decimals += 1;
  return decimals;
}

const fixed = (value: number, decimals: number): string => (Math.abs(value) >= 1e6 ? numberText(value) : value.toFixed(decimals).replace(/^-(?=[0.]*$)/, "").replace("-", "\u2212"));

/** "14:30"; with the date below it at the first label and wherever the day changes; dates alone for steps of days. */
function timeLabel(t: number, before: number | undefined, step: number, zone: string): string {
  const { month, day } = wall(t * 1000, zone);
  if (step * 1000 >= DAY) return `${month}-${day}`;
  const time = clockTime(t * 1000, zone, step < 60);
  const sameDay = before !== undefined && wall(before * 1000, zone).day === day;
  return sameDay ? time : `${time}\n${month}-${day}`;
}
