/** The stations beside the map, worst first: what is wrong, since when, how old the data are. */
import type { Alarm, Detail, Summary } from "../api/types";
import { age } from "../format/time";
import { parts } from "../format/series";
import { countText, valueText } from "../format/value";
import { useLanguage, type Say } from "../language/language";
import { ClassSign, FlagWord } from "../parts/marks";
import { DataAgeWords, StateWord } from "../parts/StationWords";
import { SubjectWords } from "../parts/SubjectWords";
import { SeverityIcon, StationSymbol } from "../parts/Symbol";
import { alarmsLink, stationLink } from "../route";
import { useCell } from "../state/cell";
import { useNow, useStations } from "../state/hooks";
import { trouble, worstFirst } from "../state/order";
import { store } from "../state/store";
import { carbonFlux, symbolFacts, worstAlarm } from "./facts";

const MANY = 8; // from here on the healthy ones take one line each

/** A count with the word that goes with it: "1 station", "3 stations". */
const counted = (say: Say, what: "stations" | "need_attention", count: number): string => (count === 1 ? say(`${what}_1`) : say(`${what}_n`, { count }));

export function StationList() {
  const { say } = useLanguage();
  const now = useNow();
  const stations = useStations();
  const alarms = useCell(store.alarms);
  const details = useCell(store.details);
  const loaded = useCell(store.loaded);
  const sorted = worstFirst(stations.values(), now, store.world.speed);
  const bad = sorted.filter((station) => trouble(station, now, store.world.speed) > 0).length;
  return (
    <section class="station-list" aria-labelledby="station-list-title">
      <h1 id="station-list-title">
        {say("station_list")} {sorted.length > 0 && <span class="small">{counted(say, "stations", sorted.length)} · {counted(say, "need_attention", bad)}</span>}
      </h1>
      <CentreAlarms alarms={[...alarms.values()].filter((alarm) => !stations.has(alarm.station))} />
      {sorted.length === 0 && <p class="notice">{say(loaded ? "no_stations" : "loading")}</p>}
      <ol class={sorted.length > MANY ? "dense" : ""}>
        {sorted.map((station) => (
          <li key={station.id}>
            <Row station={station} alarm={worstAlarm(alarms.values(), station.id)} detail={details.get(station.id)} now={now} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function CentreAlarms({ alarms }: { alarms: Alarm[] }) {
  const { say, pick } = useLanguage();
  const now = useNow();
  const worst = alarms[0] && worstAlarm(alarms, alarms[0].station);
  if (!worst) return null;
  return (
    <a class="row centre-row" href={alarmsLink()}>
      <SeverityIcon severity={worst.severity} hollow={worst.acknowledged !== null} />
      <span>
        <strong>{say("centre_alarms")}</strong> {pick(worst.title)} · {age(now - worst.raised_ms, say)}
      </span>
    </a>
  );
}

function Row({ station, alarm, detail, now }: { station: Summary; alarm: Alarm | null; detail: Detail | undefined; now: number }) {
  const { say, pick } = useLanguage();
  const facts = symbolFacts(station, now, store.world.speed);
  return (
    <a class={trouble(station, now, store.world.speed) > 0 ? "row" : "row calm"} href={stationLink(station.id)} data-station={station.id}>
      <StationSymbol {...facts} waiting={0} />
      <span class="row-body">
        <span class="row-title">
          <strong>{pick(station.name)}</strong>
          <StateWord station={station} />
          {station.simulated && <span class="badge simulated">{say("simulated_short")}</span>}
        </span>
        {alarm && (
          <span class="row-alarm">
            <SeverityIcon severity={alarm.severity} hollow={alarm.acknowledged !== null} />
            <span>
              {pick(alarm.title)}
              <SubjectWords alarm={alarm} /> · {age(now - alarm.raised_ms, say)}
              {alarm.condition === "returned" && <span class="small"> · {say("filter_returned")}</span>}
              {alarm.acknowledged && <span class="small"> · {say("acknowledged_word")}</span>}
            </span>
          </span>
        )}
        <span class="row-facts">
          <DataAgeWords station={station} />
          <span class="fact-alarms">{station.alarms === 1 ? say("open_alarm_1") : station.alarms > 0 ? say("open_alarms_n", { count: station.alarms }) : say("no_open_alarms")}</span>
          {facts.waiting > 0 && <span>{say("waiting", { count: countText(facts.waiting) })}</span>}
          <Flux detail={detail} now={now} />
        </span>
      </span>
    </a>
  );
}

function Flux({ detail, now }: { detail: Detail | undefined; now: number }) {
  const { say } = useLanguage();
  const flux = carbonFlux(detail);
  if (!flux) return null;
  return (
    <span>
      {say("newest_co2_flux")} {flux.newest.class !== null && <ClassSign value={flux.newest.class} />}{" "}
      <span class="figures">{valueText(flux.newest.value, flux.unit, parts(flux.series).quantity)}</span> <span class="small">({age(now - flux.newest.t, say)})</span>{" "}
      {flux.newest.flag !== 1 && <FlagWord flag={flux.newest.flag} />}
    </span>
  );
}
