/** A bar per stream: what was received, what is expected, late, being fetched or declared lost. No hole is unknown. */
import { useEffect, useState } from "preact/hooks";
import { getLedger } from "../api/client";
import type { Hole, Segment, StreamLedger } from "../api/types";
import { clockTime, DAY, dateTime } from "../format/time";
import { countText, percent } from "../format/value";
import { useLanguage, wordFor, type Say } from "../language/language";
import { errorText } from "../parts/errors";
import { useCell } from "../state/cell";
import { store } from "../state/store";
import { PeriodChoice, PERIODS, type Period } from "./Charts";
import { mergeSegments, shareGot } from "./segments";
import { refreshEvery } from "./useSeries";

const STATES = ["got", "expected", "late", "fetching", "lost", "unused"] as const;
const MOST_HOLES = 200;

export function Ribbon({ station, zone, period, onPeriod }: { station: string; zone: string; period: Period; onPeriod: (period: Period) => void }) {
  const { say } = useLanguage();
  const { streams, from, to, error } = useLedger(station, PERIODS[period]);
  const [pointed, setPointed] = useState("");
  const holes = streams.flatMap((stream) => stream.holes.map((hole) => ({ stream, hole })));
  return (
    <section class="card" aria-labelledby="records-title">
      <header class="card-head">
        <h2 id="records-title">{say("records")}</h2>
        <PeriodChoice period={period} onPeriod={onPeriod} />
        <span class="small">{say("records_hint")}</span>
      </header>
      {error !== null && <p class="notice bad" role="alert">{say("load_failed", { error: errorText(error, say) })}</p>}
      <div class="ribbons">
        {streams.map((stream) => <Bar key={stream.stream} stream={stream} from={from} to={to} zone={zone} onPoint={setPointed} />)}
        {streams.length > 0 && <TimeScale from={from} to={to} zone={zone} />}
      </div>
      <p class="pointed small" role="status">{pointed || "\u00a0"}</p>
      <ul class="ribbon-legend">
        {STATES.map((state) => <li key={state}><svg width="18" height="12" aria-hidden="true"><rect class={`segment segment-${state}`} width="18" height="12" /></svg> {say(`hole_${state}`)}</li>)}
      </ul>
      {holes.length > 0 && (
        <details>
          <summary>{say("holes", { count: holes.length })}</summary>
          <ul class="holes">{holes.slice(0, MOST_HOLES).map(({ stream, hole }, i) => <HoleLine key={i} stream={stream} hole={hole} />)}</ul>
        </details>
      )}
    </section>
  );
}

function HoleLine({ stream, hole }: { stream: StreamLedger; hole: Hole }) {
  const { say, pick } = useLanguage();
  return (
    <li>
      {say("hole_range", { stream: pick(stream.label), first: hole.first, last: hole.last, state: say(`hole_${hole.state}`) })}
      {hole.reason && <>, {say("reason", { reason: hole.reason })}</>}
    </li>
  );
}

function Bar({ stream, from, to, zone, onPoint }: { stream: StreamLedger; from: number; to: number; zone: string; onPoint: (words: string) => void }) {
  const { say, pick } = useLanguage();
  const segments = mergeSegments(stream.ribbon, from, to);
  const got = shareGot(segments);
  const name = pick(stream.label);
  const reasonOf = (segment: Segment) => segment.reason || stream.holes.find((hole) => hole.state === segment.state)?.reason || "";
  return (
    <div class="ribbon" data-stream={stream.stream}>
      <span class="ribbon-name">{name}</span>
      <svg class="ribbon-bar" viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label={got === null ? say("ribbon_irregular", { stream: name }) : say("ribbon_of", { stream: name, percent: percent(got) })}>
        {segments.map((segment) => {
          const [x, width] = [(1000 * (segment.from - from)) / (to - from), (1000 * (segment.to - segment.from)) / (to - from)];
          const words = segmentWords(name, segment, reasonOf(segment), zone, say);
          return (
            <rect key={segment.from} class={`segment segment-${segment.state}`} x={x} y="0" width={Math.max(1.5, width)} height="20" onPointerEnter={() => onPoint(words)} onPointerDown={() => onPoint(words)}>
              <title>{words}</title>
            </rect>
          );
        })}
      </svg>
      <span class="ribbon-share figures">{got === null ? "" : percent(got)}</span>
      <span class="ribbon-count small figures">{stream.committed !== null && say("committed", { count: countText(stream.committed) })}</span>
    </div>
  );
}

function segmentWords(stream: string, { from, to, state }: Segment, reason: string, zone: string, say: Say): string {
  const span = `${dateTime(from, zone).slice(5)} – ${dateTime(to, zone).slice(5)}`;
  const why = reason && state !== "got" ? `, ${say("reason", { reason })}` : "";
  return `${stream}: ${wordFor(say, `hole_${state}`, state)}, ${span}${why}`;
}

function TimeScale({ from, to, zone }: { from: number; to: number; zone: string }) {
  const label = (t: number) => (to - from > 2 * DAY ? dateTime(t, zone).slice(5, 10) : clockTime(t, zone, false));
  return (
    <div class="ribbon ribbon-scale small figures" aria-hidden="true">
      <span class="ribbon-name" />
      <span class="ribbon-times"><span>{label(from)}</span><span>{label((from + to) / 2)}</span><span>{label(to)}</span></span>
      <span class="ribbon-share" />
    </div>
  );
}

interface LedgerState {
  streams: StreamLedger[];
  from: number;
  to: number;
  error: unknown;
}

function useLedger(station: string, span: number): LedgerState {
  const [state, setState] = useState<LedgerState>({ streams: [], from: 0, to: 1, error: null });
  const connected = useCell(store.connection).state === "open";
  useEffect(() => {
    let current = true;
    const ask = () => {
      const to = store.now();
      const from = to - span;
      getLedger(station, from, to).then(
        (streams) => current && setState({ streams, from, to, error: null }),
        (error: unknown) => current && setState((before) => ({ ...before, error })),
      );
    };
    ask();
    const timer = setInterval(ask, refreshEvery(span, store.world.speed));
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [station, span, connected]);
  return state;
}
