/** Is the station well? Power, link, clock, disk, buffer, and a light for each instrument. */
import type { Detail, InstrumentHealth, Summary, Value } from "../api/types";
import { parts, placeText } from "../format/series";
import { age, SECOND } from "../format/time";
import { countText, percent, valueText } from "../format/value";
import { useLanguage, wordFor } from "../language/language";
import { useNow } from "../state/hooks";
import { light, lightWord, type Light } from "./light";

export function HealthStrip({ station, detail }: { station: Summary; detail: Detail }) {
  const { say } = useLanguage();
  const now = useNow();
  const { health } = detail;
  return (
    <section class="card" aria-labelledby="health-title">
      <header class="card-head">
        <h2 id="health-title">{say("health")}</h2>
        <span class="small">{health.t === null ? say("no_health") : say("health_of", { age: age(now - health.t, say) })}</span>
      </header>
      <dl class="strip">
        <Power detail={detail} />
        <Link station={station} now={now} />
        <ClockItem detail={detail} />
        <Disk detail={detail} />
        <Buffer station={station} />
        <Load detail={detail} />
      </dl>
      <ul class="lights" aria-label={say("instruments")}>
        {detail.instruments.map((instrument) => (
          <li key={instrument.id}>
            <InstrumentLight id={instrument.id} health={health.instruments[instrument.id]} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Item({ title, state, children }: { title: string; state: Light; children: preact.ComponentChildren }) {
  return (
    <div class={`item light-${state}`}>
      <dt><Lamp state={state} /> {title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Lamp({ state }: { state: Light }) {
  const { say } = useLanguage();
  return (
    <svg class={`lamp lamp-${state}`} viewBox="0 0 12 12" width="12" height="12" role="img" aria-label={say(`light_${state}`)}>
      {state === "ok" ? <circle cx="6" cy="6" r="4.500" /> : state === "warn" ? <path d="M6 0.500 L11.500 6 L6 11.500 L0.500 6 Z" /> : state === "bad" ? <path d="M6 0.500 L12 11.500 H0 Z" /> : <circle cx="6" cy="6" r="4" class="open" />}
    </svg>
  );
}

/** A value of the health record by its quantity, at whatever place. */
function healthValue(values: Record<string, Value>, quantity: string): number | null {
  const found = Object.entries(values).find(([series]) => parts(series).quantity === quantity && parts(series).statistic === "");
  return typeof found?.[1] === "number" ? found[1] : null;
}

function Power({ detail }: { detail: Detail }) {
  const { language, say } = useLanguage();
  const batteries = Object.entries(detail.newest).filter(([series]) => parts(series).quantity === "battery_voltage" && parts(series).statistic === "");
  if (batteries.length === 0) return <Item title={say("power")} state="unknown">{say("not_measured")}</Item>;
  const worst = Math.max(...batteries.map(([, newest]) => (newest.flag === 9 ? 4 : newest.flag)));
  return (
    <Item title={say("power")} state={worst >= 4 ? "bad" : worst === 3 ? "warn" : "ok"}>
      {batteries.map(([series, newest]) => (
        <span key={series} class="figures">{valueText(newest.value, detail.series[series]?.unit ?? "V")} {batteries.length > 1 && <span class="small">{placeText(parts(series).place, language)}</span>} </span>
      ))}
    </Item>
  );
}

function Link({ station, now }: { station: Summary; now: number }) {
  const { say } = useLanguage();
  const state: Light = station.state === "online" ? "ok" : station.state === "stopping" ? "warn" : "bad";
  return (
    <Item title={say("link")} state={state}>
      {say(`state_${station.state}`)} <span class="small">{station.heard_ms === null ? say("never_heard") : say("heard", { age: age(now - station.heard_ms, say) })}</span>
    </Item>
  );
}

function ClockItem({ detail }: { detail: Detail }) {
  const { say } = useLanguage();
  const quality = detail.health.clock;
  const offset = healthValue(detail.health.values, "clock_offset");
  if (detail.health.t === null) return <Item title={say("clock")} state="unknown">{say("unknown")}</Item>;
  const state: Light = quality === "synchronised" ? "ok" : quality === "holdover" ? "warn" : quality === "unset" ? "bad" : "unknown";
  const words = wordFor(say, `clock_${quality}`, "");
  if (!words && offset === null) return <Item title={say("clock")} state="unknown">{say("unknown")}</Item>;
  return (
    <Item title={say("clock")} state={state}>
      {words} {offset !== null && <span class="small">{say("offset", { value: offsetText(offset) })}</span>}
    </Item>
  );
}

const offsetText = (seconds: number): string => (Math.abs(seconds) < 1 ? valueText(Math.round(seconds * 1000), "ms") : valueText(seconds, "s"));

function Disk({ detail }: { detail: Detail }) {
  const { say } = useLanguage();
  const free = healthValue(detail.health.values, "disk_free");
  if (free === null) return <Item title={say("disk")} state="unknown">{say("unknown")}</Item>;
  return <Item title={say("disk")} state={free < 0.05 ? "bad" : free < 0.15 ? "warn" : "ok"}>{say("disk_free", { percent: percent(free) })}</Item>;
}

function Buffer({ station }: { station: Summary }) {
  const { say } = useLanguage();
  const { depth, oldest_age_s: oldest, share } = station.queue;
  if (depth === null) return <Item title={say("buffer")} state="unknown">{say("unknown")}</Item>;
  if (depth === 0) return <Item title={say("buffer")} state="ok">{say("buffer_empty")}</Item>;
  const full = share ?? 0;
  return (
    <Item title={say("buffer")} state={full > 0.8 ? "bad" : full > 0.5 || (oldest ?? 0) > 3600 ? "warn" : "ok"}>
      {say("buffer_records", { count: countText(depth) })}{" "}
      <span class="small">
        {[oldest === null ? "" : say("buffer_oldest", { age: age(oldest * SECOND, say) }), share === null ? "" : say("buffer_share", { percent: percent(share) })].filter(Boolean).join(", ")}
      </span>
    </Item>
  );
}

function Load({ detail }: { detail: Detail }) {
  const { say } = useLanguage();
  const load = healthValue(detail.health.values, "cpu_load");
  const memory = healthValue(detail.health.values, "memory_rss");
  if (load === null && memory === null) return null;
  return (
    <Item title={say("processor")} state={load !== null && load > 0.8 ? "warn" : "ok"}>
      {load !== null && say("core_share", { percent: percent(load) })} {memory !== null && <span class="small">{say("memory")} {valueText(memory, "MB")}</span>}
    </Item>
  );
}

function InstrumentLight({ id, health }: { id: string; health: InstrumentHealth | undefined }) {
  const { say } = useLanguage();
  const state = light(health);
  return (
    <span class="instrument-light" title={say(lightWord(health))}>
      <Lamp state={state} /> {id}
    </span>
  );
}
