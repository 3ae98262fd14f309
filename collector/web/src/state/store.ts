/**
 * What the page knows: stations, their details, open alarms, the centre, who is logged in; and how events change it.
 *
 * After every new connection everything is asked for again, so that nothing missed during an outage stays hidden.
 */
import { getAlarms, getMe, getStation, getStations, RequestError } from "../api/client";
import * as decode from "../api/decode";
import { Feed, type EventName } from "../api/feed";
import type { Alarm, Centre, Detail, LiveValues, Me, Newest, RecordValues, Summary } from "../api/types";
import { cell, type Cell } from "./cell";
import { WorldClock } from "./world";

export interface Connection {
  state: "connecting" | "open" | "lost";
  /** real milliseconds since the server was last heard */
  silentMs: number;
}

/** Something a chart wants to add at once. */
export type Arrival = { kind: "live"; values: LiveValues } | { kind: "record"; values: RecordValues };

const TOGETHER_MS = 250; // events arriving within this time are shown together
const DETAILS_AT_ONCE = 3;
const REPEATED_S = 30; // an unchanged value this old in `live` says nothing new: the record it came from is kept

export class Store {
  readonly world = new WorldClock(() => performance.now());
  readonly connection: Cell<Connection> = cell<Connection>({ state: "connecting", silentMs: 0 });
  /** Changes once a second: whatever shows an age watches it. */
  readonly tick = cell(0);
  readonly centre = cell<Centre | null>(null);
  readonly stations = cell<ReadonlyMap<string, Summary>>(new Map());
  readonly details = cell<ReadonlyMap<string, Detail>>(new Map());
  readonly alarms = cell<ReadonlyMap<string, Alarm>>(new Map());
  readonly me = cell<Me | null>(null);
  readonly loaded = cell(false);
  /** This centre shows nothing before a login. */
  readonly locked = cell(false);

  /** The collector's time at the last event, or null. */
  heardAt: number | null = null;

  readonly #feed = new Feed("api/live", {
    event: (name, data) => this.#event(name, data),
    opened: () => void this.refresh(),
    watch: (silentMs, lost) => this.#watch(silentMs, lost),
  });
  readonly #listeners = new Set<(arrival: Arrival) => void>();
  readonly #wanted = new Set<string>();
  #asking = 0;
  #changes: (() => void)[] = [];

  start(): void {
    this.#feed.start();
    void this.refresh();
  }

  now(): number {
    return this.world.now();
  }

  /** Hear of live values and records as they arrive; returns how to stop. */
  listen(listener: (arrival: Arrival) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ask for everything again. Failures stay silent here: the connection banner tells. */
  async refresh(): Promise<void> {
    await Promise.allSettled([this.#refreshStations(), this.refreshAlarms(), this.refreshMe()]);
  }

  async refreshAlarms(): Promise<void> {
    const open = await getAlarms({ state: "open", limit: 1000 });
    this.alarms.set(new Map(open.map((alarm) => [alarm.id, alarm])));
  }

  async refreshMe(): Promise<void> {
    this.me.set(await getMe());
  }

  /** Ask for the detail of a station again (soon, a few at a time). */
  want(station: string): void {
    this.#wanted.add(station);
    this.#askNext();
  }

  /** An alarm in its newest form, from an event or an answer. */
  takeAlarm(alarm: Alarm): void {
    const next = new Map(this.alarms.get());
    if (alarm.condition === "cleared") next.delete(alarm.id);
    else next.set(alarm.id, alarm);
    this.alarms.set(next);
  }

  async #refreshStations(): Promise<void> {
    const answer = await getStations().catch((problem: unknown) => {
      this.#lockIf(problem);
      throw problem;
    });
    if (this.locked.get()) this.#feed.reopen();
    this.locked.set(false);
    this.world.hear(answer.now);
    this.centre.set(answer.centre);
    this.stations.set(new Map(answer.stations.map((station) => [station.id, station])));
    this.loaded.set(true);
    for (const station of answer.stations) this.want(station.id);
  }

  /** The session is over, or there never was one: show nothing, ask for nothing, until somebody logs in. */
  #lockIf(problem: unknown): void {
    if (!(problem instanceof RequestError) || problem.status !== 401) return;
    this.locked.set(true);
    this.#feed.pause();
  }

  #askNext(): void {
    while (this.#asking < DETAILS_AT_ONCE && this.#wanted.size > 0) {
      const station: string = this.#wanted.values().next().value!;
      this.#wanted.delete(station);
      this.#asking += 1;
      getStation(station)
        .then((detail) => this.details.set(new Map(this.details.get()).set(station, steady(this.details.get().get(station), detail))))
        .catch((problem: unknown) => this.#lockIf(problem)) // otherwise asked again at the next connection; the banner tells
        .finally(() => {
          this.#asking -= 1;
          this.#askNext();
        });
    }
  }

  #event(name: EventName, data: unknown): void {
    if (this.connection.get().state !== "open") this.connection.set({ state: "open", silentMs: 0 });
    if (name === "ping") {
      const now = decode.number(decode.object(data).now);
      if (now !== null) this.world.hear(now);
      this.heardAt = this.world.now();
      return;
    }
    this.heardAt = this.world.now();
    if (this.#changes.length === 0) window.setTimeout(() => this.#apply(), TOGETHER_MS);
    this.#changes.push(() => this.#take(name, data));
  }

  #apply(): void {
    const changes = this.#changes;
    this.#changes = [];
    for (const change of changes) change();
  }

  #take(name: EventName, data: unknown): void {
    if (name === "station") this.#takeStation(decode.summary(data));
    else if (name === "centre") this.#takeCentre(data);
    else if (name === "alarm") {
      const alarm = decode.alarm(data);
      if (alarm) this.takeAlarm(alarm);
    } else if (name === "live") {
      const values = decode.liveValues(data);
      if (values) this.#arrived({ kind: "live", values });
    } else if (name === "record") {
      const values = decode.recordValues(data);
      if (values) this.#arrived({ kind: "record", values });
    }
  }

  #takeCentre(data: unknown): void {
    const given = decode.object(data);
    if ("store_ok" in given) this.centre.set(decode.centre(given));
    else void getStations().then((answer) => this.centre.set(answer.centre), () => undefined); // a notice without the whole state
  }

  #takeStation(station: Summary | null): void {
    if (!station) return;
    const known = this.stations.get().get(station.id);
    this.stations.set(new Map(this.stations.get()).set(station.id, station));
    if (!known || known.config_hash !== station.config_hash || known.software !== station.software || known.state !== station.state) this.want(station.id);
  }

  #arrived(arrival: Arrival): void {
    const { station } = arrival.values;
    const detail = this.details.get().get(station);
    if (detail) this.details.set(new Map(this.details.get()).set(station, { ...detail, newest: merge(detail.newest, arrival) }));
    if (arrival.kind === "record" && arrival.values.stream === "health") this.want(station);
    for (const listener of this.#listeners) listener(arrival);
  }

  #watch(silentMs: number, lost: boolean): void {
    const state = lost ? "lost" : this.connection.get().state;
    if (lost || state !== this.connection.get().state) this.connection.set({ state, silentMs });
    this.tick.set(this.tick.get() + 1);
  }
}

/** The new detail with the parts that did not change kept as the same objects, so that nothing is drawn again for them. */
function steady(before: Detail | undefined, detail: Detail): Detail {
  if (!before) return detail;
  const same = <T>(old: T, now: T): T => (JSON.stringify(old) === JSON.stringify(now) ? old : now);
  const newest = Object.fromEntries(Object.entries(detail.newest).map(([series, now]) => [series, withClass(before.newest[series], now)]));
  return { ...detail, newest, site: same(before.site, detail.site), series: same(before.series, detail.series), streams: same(before.streams, detail.streams) };
}

/** The class that came with the record is kept while the value stands. */
const withClass = (before: Newest | undefined, now: Newest): Newest => (now.class === null && before?.t === now.t ? { ...now, class: before.class } : now);

function merge(known: Record<string, Newest>, arrival: Arrival): Record<string, Newest> {
  const next = { ...known };
  const { values, flags, t } = arrival.values;
  for (const [series, value] of Object.entries(values)) {
    const at = arrival.kind === "live" ? t - 1000 * (arrival.values.ages_s[series] ?? 0) : t;
    const before = known[series];
    if (before && (before.t > at || (arrival.kind === "live" && before.value === value && (arrival.values.ages_s[series] ?? 0) > REPEATED_S))) continue;
    const stream = arrival.kind === "record" ? arrival.values.stream : (before?.stream ?? "");
    const classOf = arrival.kind === "record" ? (arrival.values.classes[series] ?? null) : before?.t === at ? before.class : null;
    next[series] = { t: at, value, flag: flags[series] ?? 2, stream, class: classOf };
  }
  return next;
}

export const store = new Store();
