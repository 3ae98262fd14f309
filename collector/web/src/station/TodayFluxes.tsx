/** The fluxes of the station's day: newest value with its class, the mean of what is usable, and every value of the day with its class. */
import { useMemo } from "preact/hooks";
import type { Detail, SeriesAnswer } from "../api/types";
import { FLUXES, isFlux, parts, placeText } from "../format/series";
import { DAY, date, dateTime, dayStart, MINUTE, zoneName } from "../format/time";
import { countText, unitText, valueText } from "../format/value";
import { useLanguage } from "../language/language";
import { ClassWord, FlagWord } from "../parts/marks";
import { errorText } from "../parts/errors";
import { useNow } from "../state/hooks";
import { store } from "../state/store";
import { Chart } from "./chart/Chart";
import type { Point } from "./chart/prepare";
import { tracksOf } from "./Charts";
import { useSeries } from "./useSeries";

const HALF_HOUR = 30 * MINUTE;

export function TodayFluxes({ detail, zone }: { detail: Detail; zone: string }) {
  const { say } = useLanguage();
  const day = dayStart(useNow(), zone);
  const fluxes = Object.keys(detail.series)
    .filter((series) => parts(series).statistic === "" && isFlux(parts(series).quantity))
    .sort((a, b) => FLUXES.indexOf(parts(a).quantity) - FLUXES.indexOf(parts(b).quantity));
  const result = useSeries(detail.id, fluxes, String(day), () => ({ from: day, to: store.now() }), 5 * MINUTE, false);
  return (
    <section class="card" aria-labelledby="today-title">
      <header class="card-head">
        <h2 id="today-title">{say("today")}</h2>
        <span class="small">{say("today_hint", { day: date(day, zone), zone: zoneName(zone, say) })}</span>
      </header>
      {fluxes.length === 0 && <p class="notice">{say("no_fluxes")}</p>}
      {result.error !== null && <p class="notice bad" role="alert">{say("chart_failed", { error: errorText(result.error, say) })}</p>}
      <div class="flux-grid">
        {fluxes.map((series) => (
          <FluxCard key={series} series={series} detail={detail} answer={result.answer} version={result.version} day={day} zone={zone} />
        ))}
      </div>
    </section>
  );
}

interface FluxCardProps {
  series: string;
  detail: Detail;
  answer: SeriesAnswer | null;
  version: number;
  day: number;
  zone: string;
}

function FluxCard({ series, detail, answer, version, day, zone }: FluxCardProps) {
  const { language, say, pick } = useLanguage();
  const { quantity, place } = parts(series);
  const birth = detail.series[series]!;
  const tracks = useMemo(() => tracksOf([series], answer, () => ""), [series, answer, version]);
  const points = tracks[0]!.points.filter((p) => p.v !== null);
  const last = points.at(-1);
  const period = detail.streams[birth.stream] || answer?.bucket_ms || HALF_HOUR;
  return (
    <article class="flux" data-series={series}>
      <h3>
        {pick(birth.label) || quantity} <span class="small">{placeText(place, language)}</span>
      </h3>
      {last ? (
        <p class={`flux-value class-${last.class ?? "none"}`}>
          <span class="figures big">{valueText(last.v, birth.unit, quantity)}</span>
          <span>
            {last.class !== null ? <ClassWord value={last.class} /> : <FlagWord flag={last.flag} />}{" "}
            <span class="small figures">{say("at_time", { time: dateTime(last.t * 1000, zone).slice(11) })}</span>
          </span>
        </p>
      ) : (
        <p class="flux-value muted">{say("no_flux_today")}</p>
      )}
      <DayMean points={points} unit={birth.unit} quantity={quantity} />
      <Chart title="" unit={birth.unit} quantity={quantity} tracks={tracks} spacing={period / 1000} bucketMs={answer?.bucket_ms ?? 0} from={day} to={day + DAY} zone={zone} height={120} small label={`${pick(birth.label)} ${unitText(birth.unit)}`} />
    </article>
  );
}

/** Values flagged good or not evaluated and of class 0 or 1 make the mean; how many of how many is always said. */
function DayMean({ points, unit, quantity }: { points: Point[]; unit: string; quantity: string }) {
  const { say } = useLanguage();
  const usable = points.filter((p) => p.flag <= 2 && (p.class ?? 0) <= 1);
  if (points.length === 0) return <p />;
  const mean = usable.length > 0 ? usable.reduce((sum, p) => sum + p.v!, 0) / usable.length : null;
  return <p class="small">{say("mean_of_day", { value: valueText(mean, unit, quantity), used: countText(usable.length), got: countText(points.length) })}</p>;
}
