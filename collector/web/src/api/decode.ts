/**
 * From untrusted JSON to the types of `types.ts`.
 *
 * Promises: never throws, never invents a value. What is absent or of the wrong kind becomes null, "" or is left out; an unknown severity
 * counts as high and an unknown flag as "not evaluated", so that a misunderstanding never looks healthy.
 */
import type {
  Acknowledgement, Alarm, BirthSeries, Centre, Condition, Correction, Detail, Health, Hole, HoleState, InstrumentFacts, InstrumentHealth, LiveValues, Me, Names,
  Newest, RecordValues, Segment, SeriesAnswer, SeriesData, Severity, StationsAnswer, StationState, StreamLedger, Summary, Value,
} from "./types";

type Json = Record<string, unknown>;

const SEVERITIES: readonly string[] = ["high", "medium", "low"];
const CONDITIONS: readonly string[] = ["active", "returned", "cleared"];
const STATION_STATES: readonly string[] = ["online", "offline", "stopping"];
const HOLE_STATES: readonly string[] = ["got", "expected", "late", "fetching", "lost", "unused"];
const NOT_EVALUATED = 2;

export const object = (x: unknown): Json => (typeof x === "object" && x !== null && !Array.isArray(x) ? (x as Json) : {});
export const list = (x: unknown): unknown[] => (Array.isArray(x) ? x : []);
export const number = (x: unknown): number | null => (typeof x === "number" && Number.isFinite(x) ? x : null);
export const text = (x: unknown): string => (typeof x === "string" ? x : typeof x === "number" ? String(x) : "");
const value = (x: unknown): Value => (typeof x === "string" || typeof x === "boolean" ? x : number(x));
const oneOf = <T extends string>(x: unknown, known: readonly string[], otherwise: T): T => (typeof x === "string" && known.includes(x) ? (x as T) : otherwise);

function names(x: unknown, otherwise = ""): Names {
  if (typeof x === "string") return { en: x, zh: x };
  const { en, zh } = object(x);
  const [a, b] = [text(en), text(zh)];
  return { en: a || b || otherwise, zh: b || a || otherwise };
}

function mapped<T>(x: unknown, of: (item: unknown) => T | null): Record<string, T> {
  const result: Record<string, T> = Object.create(null) as Record<string, T>;
  for (const [key, item] of Object.entries(object(x))) {
    const made = of(item);
    if (made !== null) result[key] = made;
  }
  return result;
}

const values = (x: unknown) => mapped<Value>(x, value);
const numbers = (x: unknown) => mapped<number>(x, number);

export function summary(x: unknown): Summary | null {
  const o = object(x);
  const id = text(o.id);
  if (!id) return null;
  const queue = object(o.queue);
  return {
    id,
    name: names(o.name, id),
    platform: text(o.platform),
    surface: text(o.surface),
    latitude_deg: number(o.latitude_deg),
    longitude_deg: number(o.longitude_deg),
    timezone: text(o.timezone) || "Asia/Shanghai",
    simulated: o.simulated === true,
    state: oneOf<StationState>(o.state, STATION_STATES, "unknown"),
    heard_ms: number(o.heard_ms),
    data_t: number(o.data_t),
    worst: worst(o.worst),
    alarms: number(o.alarms) ?? 0,
    queue: { depth: number(queue.depth), oldest_age_s: number(queue.oldest_age_s), share: number(queue.share) },
    software: text(o.software),
    config_hash: text(o.config_hash),
  };
}

function worst(x: unknown): Summary["worst"] {
  if (typeof x !== "object" || x === null) return null;
  const o = object(x);
  return { severity: oneOf<Severity>(o.severity, SEVERITIES, "high"), acknowledged: o.acknowledged === true };
}

export function centre(x: unknown): Centre {
  const o = object(x);
  const sink = o.sink === null || o.sink === undefined ? null : object(o.sink);
  return {
    id: text(o.id),
    state: text(o.state),
    clock: text(o.clock),
    store_ok: o.store_ok !== false,
    sink: sink && { ok: sink.ok !== false, lag_records: number(sink.lag_records), parked: number(sink.parked) ?? 0, name: text(sink.name) },
    parked: number(o.parked) ?? 0,
    version: text(o.version),
  };
}

export function stationsAnswer(x: unknown): StationsAnswer {
  const o = object(x);
  return { now: number(o.now) ?? Date.now(), centre: centre(o.centre), stations: list(o.stations).flatMap((s) => summary(s) ?? []) };
}

function birthSeries(x: unknown): BirthSeries {
  const o = object(x);
  return { unit: text(o.unit), label: names(o.label), instrument: text(o.instrument), tests: list(o.tests).map(text), stream: text(o.stream) };
}

function instrumentFacts(x: unknown): InstrumentFacts {
  const o = object(x);
  const corrections = Object.entries(object(o.corrections)).flatMap(([quantity, c]) => correction(quantity, c));
  return {
    id: text(o.id), model: text(o.model), place: text(o.place), serial_number: text(o.serial_number), link: text(o.link),
    calibrated: text(o.calibrated), corrections: Object.fromEntries(corrections),
  };
}

function correction(quantity: string, x: unknown): [string, Correction][] {
  const o = object(x);
  const [slope, offset] = [number(o.slope), number(o.offset)];
  return slope === null || offset === null ? [] : [[quantity, { slope, offset }]];
}

function instrumentHealth(x: unknown): InstrumentHealth {
  const o = object(x);
  const [good, bad, timeouts, skipped, age] = [o.good, o.bad, o.timeouts, o.skipped, o.last_age_s].map(number);
  return { good: good ?? null, bad: bad ?? null, timeouts: timeouts ?? null, skipped: skipped ?? null, last_age_s: age ?? null, state: text(o.state), reasons: numbers(o.reasons) };
}

function health(x: unknown): Health {
  const o = object(x);
  const detail = object(o.detail);
  return { t: number(o.t), values: values(o.values), instruments: mapped(detail.instruments, instrumentHealth), clock: text(detail.clock) || text(o.clock) };
}

function newest(x: unknown): Newest | null {
  const o = object(x);
  const t = number(o.t);
  return t === null ? null : { t, value: value(o.value), flag: number(o.flag) ?? NOT_EVALUATED, stream: text(o.stream), class: number(o.class) };
}

export function detail(x: unknown): Detail {
  const o = object(x);
  const birth = object(o.birth);
  return {
    id: text(o.id),
    series: mapped(birth.series, birthSeries),
    streams: numbers(birth.streams),
    instruments: list(birth.instruments).map(instrumentFacts),
    site: birth.site ?? null,
    health: health(o.health),
    newest: mapped(o.newest, newest),
  };
}

function seriesData(x: unknown): SeriesData {
  const o = object(x);
  const t = list(o.t).map((at) => number(at) ?? NaN);
  const column = (y: unknown) => {
    const given = list(y);
    return t.map((_, i) => number(given[i]));
  };
  const order = t.map((_, i) => i).filter((i) => Number.isFinite(t[i]));
  order.sort((a, b) => t[a]! - t[b]!);
  const sorted = <T>(from: T[]) => order.map((i) => from[i]!);
  return {
    unit: text(o.unit),
    label: names(o.label),
    t: sorted(t),
    v: sorted(column(o.v)),
    flag: sorted(column(o.flag)).map((flag) => flag ?? NOT_EVALUATED),
    min: sorted(column(o.min)),
    max: sorted(column(o.max)),
    class: sorted(column(o.class)),
    share: sorted(column(o.share)),
  };
}

export function seriesAnswer(x: unknown): SeriesAnswer {
  const o = object(x);
  return { from: number(o.from) ?? 0, to: number(o.to) ?? 0, bucket_ms: number(o.bucket_ms) ?? 0, series: mapped(o.series, seriesData) };
}

function hole(x: unknown): Hole | null {
  const [first, last, state, reason] = list(x);
  const [a, b] = [number(first), number(last)];
  return a === null || b === null ? null : { first: a, last: b, state: oneOf<HoleState>(state, HOLE_STATES, "unknown"), reason: text(reason) };
}

function segment(x: unknown): Segment | null {
  const [from, to, state, reason] = list(x);
  const [a, b] = [number(from), number(to)];
  return a === null || b === null ? null : { from: a, to: b, state: oneOf<HoleState>(state, HOLE_STATES, "unknown"), reason: text(reason) };
}

function streamLedger(x: unknown): StreamLedger {
  const o = object(x);
  const epochs = list(o.epochs).map(object);
  return {
    stream: text(o.stream),
    label: names(o.label, text(o.stream)),
    period_ms: number(o.period_ms) ?? 0,
    committed: number(o.committed),
    holes: epochs.flatMap((epoch) => list(epoch.holes).flatMap((h) => hole(h) ?? [])),
    ribbon: list(o.ribbon).flatMap((s) => segment(s) ?? []),
  };
}

export const ledger = (x: unknown): StreamLedger[] => list(object(x).streams).map(streamLedger);

function acknowledgement(x: unknown): Acknowledgement | null {
  if (typeof x !== "object" || x === null) return null;
  const o = object(x);
  return { who: text(o.who), when_ms: number(o.when_ms), comment: text(o.comment) };
}

export function alarm(x: unknown): Alarm | null {
  const o = object(x);
  const id = text(o.id);
  if (!id) return null;
  return {
    id,
    key: text(o.key),
    station: text(o.station),
    series: text(o.series),
    severity: oneOf<Severity>(o.severity, SEVERITIES, "high"),
    condition: oneOf<Condition>(o.condition, CONDITIONS, "active"),
    title: names(o.title, text(o.key)),
    message: names(o.message),
    guidance: names(o.guidance),
    value: value(o.value),
    limit: value(o.limit),
    unit: text(o.unit),
    raised_ms: number(o.raised_ms) ?? 0,
    returned_ms: number(o.returned_ms),
    cleared_ms: number(o.cleared_ms),
    acknowledged: acknowledgement(o.acknowledged),
    severity_now: typeof o.severity_now === "string" ? oneOf<Severity>(o.severity_now, SEVERITIES, "high") : null,
    source_bad: o.source_bad === true,
    children: list(o.children).map(text),
    names: Object.fromEntries(Object.entries(object(o.names)).map(([name, words]) => [name, names(words, name)])),
    count: number(o.count) ?? 1,
  };
}

export const alarms = (x: unknown): Alarm[] => list(object(x).alarms).flatMap((a) => alarm(a) ?? []);

export function me(x: unknown): Me {
  const o = object(x);
  return { name: text(o.name) || null, may_acknowledge: o.may_acknowledge === true, login_required: o.login_required !== false };
}

export function liveValues(x: unknown): LiveValues | null {
  const o = object(x);
  const t = number(o.t);
  return t === null ? null : { station: text(o.station), t, values: values(o.values), flags: numbers(o.flags), ages_s: numbers(o.ages_s) };
}

export function recordValues(x: unknown): RecordValues | null {
  const o = object(x);
  const t = number(o.t);
  if (t === null) return null;
  return { station: text(o.station), stream: text(o.stream), t, values: values(o.values), flags: numbers(o.flags), classes: numbers(o.classes) };
}
