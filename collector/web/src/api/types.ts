/** What the collector's HTTP interface says, after `decode.ts` has checked it. All times are UTC in milliseconds since 1970. */

export interface Names {
  en: string;
  zh: string;
}

export type Severity = "high" | "medium" | "low";
export type Condition = "active" | "returned" | "cleared";
export type StationState = "online" | "offline" | "stopping" | "unknown";
export type HoleState = "got" | "expected" | "late" | "fetching" | "lost" | "unused" | "unknown";
export type Value = number | string | boolean | null;

export interface Summary {
  id: string;
  name: Names;
  platform: string;
  surface: string;
  latitude_deg: number | null;
  longitude_deg: number | null;
  timezone: string;
  simulated: boolean;
  state: StationState;
  heard_ms: number | null;
  data_t: number | null;
  worst: { severity: Severity; acknowledged: boolean } | null;
  alarms: number;
  queue: { depth: number | null; oldest_age_s: number | null; share: number | null };
  software: string;
  config_hash: string;
}

export interface Centre {
  id: string;
  state: string;
  clock: string;
  store_ok: boolean;
  sink: { ok: boolean; lag_records: number | null; parked: number; name: string } | null;
  parked: number;
  version: string;
}

export interface StationsAnswer {
  now: number;
  centre: Centre;
  stations: Summary[];
}

export interface BirthSeries {
  unit: string;
  label: Names;
  instrument: string;
  tests: string[];
  stream: string;
}

export interface InstrumentFacts {
  id: string;
  model: string;
  place: string;
  serial_number: string;
  link: string;
  /** day of the calibration in force, empty without one */
  calibrated: string;
  /** quantity → what the station does to its values: slope x value + offset */
  corrections: Record<string, Correction>;
}

export interface Correction {
  slope: number;
  offset: number;
}

export interface InstrumentHealth {
  good: number | null;
  bad: number | null;
  timeouts: number | null;
  skipped: number | null;
  last_age_s: number | null;
  state: string;
  /** why readings were refused → how often */
  reasons: Record<string, number>;
}

export interface Newest {
  t: number;
  value: Value;
  flag: number;
  stream: string;
  /** 0-1-2 quality class of a flux, where known */
  class: number | null;
}

export interface Health {
  t: number | null;
  values: Record<string, Value>;
  instruments: Record<string, InstrumentHealth>;
  clock: string;
}

export interface Detail {
  id: string;
  series: Record<string, BirthSeries>;
  streams: Record<string, number>;
  instruments: InstrumentFacts[];
  site: unknown;
  health: Health;
  newest: Record<string, Newest>;
}

export interface SeriesData {
  unit: string;
  label: Names;
  t: number[];
  v: (number | null)[];
  flag: number[];
  min: (number | null)[];
  max: (number | null)[];
  class: (number | null)[];
  share: (number | null)[];
}

export interface SeriesAnswer {
  from: number;
  to: number;
  /** 0: single records, otherwise the width of a rollup */
  bucket_ms: number;
  series: Record<string, SeriesData>;
}

export interface Hole {
  first: number;
  last: number;
  state: HoleState;
  reason: string;
}

export interface Segment {
  from: number;
  to: number;
  state: HoleState;
  reason: string;
}

export interface StreamLedger {
  stream: string;
  label: Names;
  period_ms: number;
  committed: number | null;
  holes: Hole[];
  ribbon: Segment[];
}

export interface Acknowledgement {
  who: string;
  when_ms: number | null;
  comment: string;
}

export interface Alarm {
  id: string;
  key: string;
  station: string;
  series: string;
  severity: Severity;
  condition: Condition;
  title: Names;
  message: Names;
  guidance: Names;
  value: Value;
  limit: Value;
  unit: string;
  raised_ms: number;
  returned_ms: number | null;
  cleared_ms: number | null;
  acknowledged: Acknowledgement | null;
  /** the present severity where it differs from the highest seen */
  severity_now: Severity | null;
  /** the value can no longer be judged; the last state stands */
  source_bad: boolean;
  /** what is silent because of it */
  children: string[];
  /** what the series and streams among them, and its own, are called */
  names: Record<string, Names>;
  /** how often it came on */
  count: number;
}

export interface Me {
  name: string | null;
  may_acknowledge: boolean;
  login_required: boolean;
}

export interface LiveValues {
  station: string;
  t: number;
  values: Record<string, Value>;
  flags: Record<string, number>;
  ages_s: Record<string, number>;
}

export interface RecordValues {
  station: string;
  stream: string;
  t: number;
  values: Record<string, Value>;
  flags: Record<string, number>;
  classes: Record<string, number>;
}
