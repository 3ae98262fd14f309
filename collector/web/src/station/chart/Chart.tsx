/** One chart: lines with honest gaps, marks for flags and classes, and beneath the title the value under the cursor in words and numbers. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { dateTime } from "../../format/time";
import { valueText } from "../../format/value";
import { useLanguage } from "../../language/language";
import { ClassWord, FlagWord } from "../../parts/marks";
import { cell, useCell } from "../../state/cell";
import { DASHES, readPalette } from "./draw";
import { chartOptions, type Live } from "./options";
import { joined, lineOf, nearest, valueRange, type Point, type Track } from "./prepare";

export interface ChartProps {
  title: string;
  unit: string;
  quantity: string;
  tracks: Track[];
  /** usual distance of two points in seconds */
  spacing: number;
  bucketMs: number;
  /** window, UTC ms */
  from: number;
  to: number;
  zone: string;
  height: number;
  onZoom?: (from: number, to: number) => void;
  /** what a reader of the screen hears, where there is no title */
  label?: string;
  /** without title and readout */
  small?: boolean;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const scheme = cell(dark.matches);
dark.addEventListener("change", () => scheme.set(dark.matches));

export function Chart(props: ChartProps) {
  const { say } = useLanguage();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const live = useRef<Live>({ tracks: [], spacing: 1, bucketMs: 0, from: 0, to: 1, range: [0, 1], zone: props.zone, pointsOnly: false });
  const zoom = useRef(props.onZoom);
  const [cursor, setCursor] = useState<number | null>(null);
  const isDark = useCell(scheme);
  zoom.current = props.onZoom;
  Object.assign(live.current, liveOf(props));

  const shape = props.tracks.map((track) => track.series).join(" ");
  useLayoutEffect(() => {
    const element = holder.current!;
    const hear = { cursor: (u: uPlot) => setCursor(cursorTime(u)), select: (from: number, to: number) => zoom.current?.(from * 1000, to * 1000) };
    const size = () => ({ width: Math.max(120, element.clientWidth), height: props.height });
    const made = new uPlot(chartOptions(live.current, readPalette(), size(), hear), dataOf(props), element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize(size()));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, isDark, props.height, props.zone]);
  useEffect(() => plot.current?.setData(dataOf(props), true), [props.tracks, props.from, props.to]);

  const newest = props.tracks.map((track) => track.points.findLast((p) => p.v !== null) ?? null);
  const empty = newest.every((p) => p === null || p.t * 1000 < props.from);
  const spoken = newest.map((p) => valueText(p?.v ?? null, props.unit, props.quantity)).join(", ");
  return (
    <figure class="chart" data-quantity={props.quantity}>
      {!props.small && (
        <figcaption>
          <strong>{props.title}</strong>
          <Readout {...props} cursor={cursor} newest={newest} />
        </figcaption>
      )}
      <div class="chart-box">
        <div ref={holder} role="img" aria-label={say("chart_of", { label: props.label ?? props.title, value: spoken })} data-points={props.tracks.reduce((n, track) => n + track.points.length, 0)} />
        {empty && <p class="chart-empty">{say("no_chart_data")}</p>}
      </div>
    </figure>
  );
}

function liveOf({ tracks, spacing, bucketMs, from, to, zone, quantity }: ChartProps): Live {
  return { tracks, spacing, bucketMs, from: from / 1000, to: to / 1000, range: valueRange(tracks), zone, pointsOnly: quantity.endsWith("direction") };
}

const dataOf = ({ tracks, spacing }: ChartProps): uPlot.AlignedData => joined(tracks.map((track) => lineOf(track.points, spacing))) as uPlot.AlignedData;

function cursorTime(u: uPlot): number | null {
  const { left } = u.cursor;
  return left === undefined || left < 0 ? null : u.posToVal(left, "x");
}

function Readout({ tracks, unit, quantity, spacing, bucketMs, zone, cursor, newest, from, to }: ChartProps & { cursor: number | null; newest: (Point | null)[] }) {
  const { say } = useLanguage();
  const reach = Math.max(Number.isFinite(spacing) ? spacing : 0, (to - from) / 1000 / 200);
  const shown = tracks.map((track, i) => (cursor === null ? newest[i]! : nearest(track.points, cursor, reach)));
  const time = shown.find((p) => p !== null)?.t;
  const begins = (time ?? 0) * 1000 - bucketMs / 2; // a mean is drawn at its middle and named by its beginning, like every record
  return (
    <span class="readout">
      {tracks.map((track, i) => (
        <span key={track.series} class="readout-track">
          {tracks.length > 1 && <Swatch index={i} />} {track.label}{" "}
          <span class="figures">{valueText(shown[i]?.v ?? null, unit, quantity)}</span>{" "}
          {shown[i]?.class !== null && shown[i] !== null ? <ClassWord value={shown[i]!.class} /> : shown[i] && shown[i]!.flag !== 1 && <FlagWord flag={shown[i]!.flag} />}
        </span>
      ))}
      {time !== undefined && <span class="small figures">{say("at_time", { time: dateTime(begins, zone, spacing < 60).slice(5) })}</span>}
    </span>
  );
}

function Swatch({ index }: { index: number }) {
  return (
    <svg class={`swatch track-${(index % 4) + 1}`} width="22" height="8" aria-hidden="true">
      <line x1="0" y1="4" x2="22" y2="4" stroke-dasharray={DASHES[index % DASHES.length]!.join(" ")} />
    </svg>
  );
}
