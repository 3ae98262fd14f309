/** All alarms: the open ones, most urgent first, and the journal of past ones. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Alarm } from "../api/types";
import { useLanguage } from "../language/language";
import { Guard } from "../parts/Guard";
import { alarmsLink } from "../route";
import { useCell } from "../state/cell";
import { useStations } from "../state/hooks";
import { byUrgency } from "../state/order";
import { store } from "../state/store";
import { AlarmRows } from "./AlarmRows";
import { ANY, matches, STATES, type Filter } from "./filter";
import { Journal } from "./Journal";

const CENTRE = "centre"; // as the interface names the alarms of no station

export function AlarmPage({ station }: { station: string }) {
  const { say } = useLanguage();
  const [filter, setFilter] = useState<Filter>({ severity: ANY, state: ANY, words: "" });
  const alarms = useCell(store.alarms);
  const loaded = useCell(store.loaded);
  const holder = useRef<HTMLDivElement>(null);
  useKeys(holder);
  const every = [...alarms.values()].filter((alarm) => station === "" || (alarm.station || CENTRE) === station);
  const shown = every.filter((alarm) => matches(alarm, filter)).sort(byUrgency);
  return (
    <div class="alarm-page" ref={holder}>
      <section class="card" aria-labelledby="open-title">
        <header class="card-head">
          <h1 id="open-title">{say("open_alarms")} <span class="small figures">{shown.length === every.length ? every.length : `${shown.length} / ${every.length}`}</span></h1>
          <span class="small pointer-only">{say("keys_hint")}</span>
        </header>
        <Filters station={station} filter={filter} alarms={[...alarms.values()]} onChange={setFilter} />
        {shown.length > 0 ? (
          <Guard><AlarmRows alarms={shown} /></Guard>
        ) : (
          <p class="muted">{say(!loaded ? "loading" : every.length === 0 ? "no_alarms_shown" : "no_alarms_match")}</p>
        )}
      </section>
      <Guard><Journal station={station} filter={filter} /></Guard>
    </div>
  );
}

/** `/` goes to the search field; `a` without a chosen row takes the most urgent one. */
function useKeys(holder: preact.RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      if (event.key === "/") {
        event.preventDefault();
        holder.current?.querySelector<HTMLInputElement>("input[type=search]")?.focus();
      } else if ((event.key === "a" || event.key === "ArrowDown") && !target.closest("[data-alarm]")) {
        const first = holder.current?.querySelector<HTMLElement>("[data-alarm]");
        if (!first) return;
        event.preventDefault();
        first.focus();
        if (event.key === "a") holder.current?.querySelector<HTMLButtonElement>("[data-alarm].unacknowledged button.act")?.click();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function Filters({ station, filter, alarms, onChange }: { station: string; filter: Filter; alarms: Alarm[]; onChange: (filter: Filter) => void }) {
  const { say, pick } = useLanguage();
  const stations = useStations();
  const others = [...new Set([CENTRE, ...alarms.map((alarm) => alarm.station)])].filter((id) => id !== "" && !stations.has(id));
  const valueOf = (event: Event) => (event.currentTarget as HTMLSelectElement | HTMLInputElement).value;
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        {say("station")}
        <select value={station} onChange={(event) => (location.hash = alarmsLink(valueOf(event)))}>
          <option value="">{say("any")}</option>
          {[...stations.values()].map((s) => <option key={s.id} value={s.id}>{pick(s.name)}</option>)}
          {others.map((id) => <option key={id} value={id}>{id === CENTRE ? say("centre") : id}</option>)}
        </select>
      </label>
      <label>
        {say("severity")}
        <select value={filter.severity} onChange={(event) => onChange({ ...filter, severity: valueOf(event) })}>
          <option value={ANY}>{say("any")}</option>
          {(["high", "medium", "low"] as const).map((severity) => <option key={severity} value={severity}>{say(`sev_${severity}`)}</option>)}
        </select>
      </label>
      <label>
        {say("state")}
        <select value={filter.state} onChange={(event) => onChange({ ...filter, state: valueOf(event) })}>
          <option value={ANY}>{say("any")}</option>
          {STATES.map((state) => <option key={state} value={state}>{say(`filter_${state}`)}</option>)}
        </select>
      </label>
      <label>
        {say("text_filter")}
        <input type="search" value={filter.words} maxLength={100} onInput={(event) => onChange({ ...filter, words: valueOf(event) })} />
      </label>
    </form>
  );
}
