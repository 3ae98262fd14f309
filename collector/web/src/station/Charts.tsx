/** Live charts of the chosen quantities over one common period. */
import { useMemo, useState } from "preact/hooks";
import type { Detail, Names, SeriesAnswer } from "../api/types";
import { isFlux, parts, placeText } from "../format/series";
import { dateTime, DAY, HOUR, MINUTE } from "../format/time";
import { unitText } from "../format/value";
import { useLanguage } from "../language/language";
import { errorText } from "../parts/errors";
import { MarkKey } from "../parts/marks";
import { useNow } from "../state/hooks";
import { recall, remember } from "../state/memory";
import { store } from "../state/store";
import { Chart } from "./chart/Chart";
import { pointsOf, usualSpacing, type Track } from "./chart/prepare";
import { refreshEvery, useSeries, type SeriesWindow } from "./useSeries";

export const PERIODS = { "1h": HOUR, "6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY } as const;
export type Period = keyof typeof PERIODS;
const FIRST = ["co2_flux", "air_sea_co2_flux", "wind_speed", "pco2_water", "water_temperature", "dissolved_oxygen", "water_level", "air_temperature", "salinity", "latent_heat_flux"];
const FIRST_COUNT = 6;
const MOST_SERIES = 36; // the server answers at most 40 at once
const SMALLEST_ZOOM = MINUTE;

/** One chart: a quantity at all its places. */
interface Group {
  quantity: string;
  label: Names;
  unit: string;
  series: string[];
}

export function groupsOf(detail: Detail): Group[] {
  const groups = new Map<string, Group>();
  for (const [series, birth] of Object.entries(detail.series)) {
    const { quantity, statistic } = parts(series);
    if (statistic !== "" || typeof detail.newest[series]?.value === "string") continue;
    const group = groups.get(quantity) ?? { quantity, label: { en: birth.label.en || quantity, zh: birth.label.zh || quantity }, unit: birth.unit, series: [] };
    group.series.push(series);
    groups.set(quantity, group);
  }
  const rank = ({ quantity }: Group) => (FIRST.includes(quantity) ? FIRST.indexOf(quantity) : FIRST.length);
  return [...groups.values()].sort((a, b) => rank(a) - rank(b) || a.quantity.localeCompare(b.quantity));
}

function chosenAtFirst(groups: Group[]): string[] {
  const remembered = recall("charts")?.split(",").filter((quantity) => groups.some((group) => group.quantity === quantity)).slice(0, MOST_SERIES) ?? [];
  return remembered.length > 0 ? remembered : groups.slice(0, FIRST_COUNT).map((group) => group.quantity);
}

export function Charts({ detail, zone, period, onPeriod }: { detail: Detail; zone: string; period: Period; onPeriod: (period: Period) => void }) {
  const { say, pick } = useLanguage();
  const groups = useMemo(() => groupsOf(detail), [detail.series]);
  const [chosen, setChosen] = useState(() => chosenAtFirst(groups));
  const [zoom, setZoom] = useState<SeriesWindow | null>(null);
  const now = useNow();
  const shown = groups.filter((group) => chosen.includes(group.quantity));
  const span = PERIODS[period];
  const window = (): SeriesWindow => zoom ?? { from: store.now() - span, to: store.now() };
  const key = zoom ? `${zoom.from}-${zoom.to}` : period;
  const result = useSeries(detail.id, shown.flatMap((group) => group.series).slice(0, MOST_SERIES), key, window, refreshEvery(span, store.world.speed), zoom === null && span <= 6 * HOUR);
  const step = Math.max(1_000, span / 1_800); // the window moves about one pixel at a time
  const end = Math.ceil(now / step) * step;
  const seen = zoom ?? { from: end - span, to: end };
  const onZoom = (from: number, to: number) => setZoom({ from: Math.round(from), to: Math.round(Math.max(to, from + SMALLEST_ZOOM)) });
  const crowded = shown.reduce((count, group) => count + group.series.length, 0) >= MOST_SERIES;
  const toggle = (quantity: string) => {
    const next = chosen.includes(quantity) ? chosen.filter((q) => q !== quantity) : [...chosen, quantity];
    setChosen(next);
    remember("charts", next.join(","));
  };
  return (
    <section class="card charts" aria-labelledby="charts-title">
      <header class="card-head">
        <h2 id="charts-title">{say("charts")}</h2>
        <PeriodChoice period={zoom ? null : period} onPeriod={(next) => (setZoom(null), onPeriod(next))} />
        {zoom ? (
          <span class="zoomed">
            {say("zoomed", { from: dateTime(zoom.from, zone), to: dateTime(zoom.to, zone) })} <button type="button" onClick={() => setZoom(null)}>{say("zoom_back")}</button>
          </span>
        ) : (
          <span class="small pointer-only">{say("drag_hint")}</span>
        )}
        {result.answer && result.answer.bucket_ms > 0 && <span class="small">{say("half_hours")}</span>}
      </header>
      <details class="choice">
        <summary>{say("choose_charts")}</summary>
        <div class="choices">
          {groups.map((group) => (
            <label key={group.quantity}>
              <input type="checkbox" checked={chosen.includes(group.quantity)} disabled={crowded && !chosen.includes(group.quantity)} onChange={() => toggle(group.quantity)} /> {pick(group.label)}
            </label>
          ))}
        </div>
      </details>
      {result.error !== null && <p class="notice bad" role="alert">{say("chart_failed", { error: errorText(result.error, say) })}</p>}
      <MarkKey classes={shown.some((group) => isFlux(group.quantity))} />
      <div class="chart-grid">
        {shown.map((group) => (
          <ChartOf key={group.quantity} group={group} detail={detail} answer={result.answer} version={result.version} from={seen.from} to={seen.to} zone={zone} onZoom={onZoom} />
        ))}
      </div>
    </section>
  );
}

interface ChartOfProps {
  group: Group;
  detail: Detail;
  answer: SeriesAnswer | null;
  version: number;
  from: number;
  to: number;
  zone: string;
  onZoom: (from: number, to: number) => void;
}

function ChartOf({ group, detail, answer, version, from, to, zone, onZoom }: ChartOfProps) {
  const { language, pick } = useLanguage();
  const tracks = useMemo(() => tracksOf(group.series, answer, (series) => placeText(parts(series).place, language)), [group, answer, version, language]);
  const bucket = answer?.bucket_ms ?? 0;
  const period = bucket || Math.max(...group.series.map((series) => detail.streams[detail.series[series]?.stream ?? ""] ?? 0));
  const spacing = usualSpacing(tracks[0]?.points ?? [], period);
  const unit = unitText(group.unit);
  const title = unit ? `${pick(group.label)} (${unit})` : pick(group.label);
  return <Chart title={title} unit={group.unit} quantity={group.quantity} tracks={tracks} spacing={spacing} bucketMs={bucket} from={from} to={to} zone={zone} height={190} onZoom={onZoom} />;
}

export function tracksOf(series: string[], answer: SeriesAnswer | null, label: (series: string) => string): Track[] {
  return series.map((name) => {
    const data = answer?.series[name];
    return { series: name, label: label(name), points: data ? pointsOf(data, answer.bucket_ms) : [] };
  });
}

export function PeriodChoice({ period, onPeriod }: { period: Period | null; onPeriod: (period: Period) => void }) {
  const { say } = useLanguage();
  return (
    <span class="periods" role="group" aria-label={say("period")}>
      {(Object.keys(PERIODS) as Period[]).map((p) => (
        <button key={p} type="button" aria-pressed={p === period} onClick={() => onPeriod(p)}>{say(`period_${p}`)}</button>
      ))}
    </span>
  );
}
