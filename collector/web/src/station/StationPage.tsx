/** One station, from "is it well" down to "what is mounted there". */
import { useEffect, useState } from "preact/hooks";
import type { Summary } from "../api/types";
import { clockTime, zoneName } from "../format/time";
import { useLanguage, wordFor } from "../language/language";
import { AlarmRows } from "../alarms/AlarmRows";
import { byUrgency } from "../state/order";
import { Guard } from "../parts/Guard";
import { DataAgeWords, StateWord } from "../parts/StationWords";
import { StationSymbol } from "../parts/Symbol";
import { alarmsLink } from "../route";
import { useCell } from "../state/cell";
import { useNow, useStations } from "../state/hooks";
import { recall, remember } from "../state/memory";
import { store } from "../state/store";
import { symbolFacts } from "../overview/facts";
import { Charts, PERIODS, type Period } from "./Charts";
import { HealthStrip } from "./HealthStrip";
import { Instruments } from "./Instruments";
import { NewestTable } from "./NewestTable";
import { PositionMap } from "./PositionMap";
import { Ribbon } from "./Ribbon";
import { TodayFluxes } from "./TodayFluxes";

const REFRESH_MS = 30_000;

function rememberedPeriod(name: string, otherwise: Period): Period {
  const known = recall(name);
  return known !== null && known in PERIODS ? (known as Period) : otherwise;
}

export function StationPage({ id }: { id: string }) {
  const { say } = useLanguage();
  const station = useStations().get(id);
  const detail = useCell(store.details).get(id);
  const loaded = useCell(store.loaded);
  const [period, setPeriod] = useState(() => rememberedPeriod("period", "6h"));
  const [recordsPeriod, setRecordsPeriod] = useState(() => rememberedPeriod("records-period", "24h"));
  useEffect(() => {
    store.want(id);
    const timer = setInterval(() => store.want(id), REFRESH_MS);
    return () => clearInterval(timer);
  }, [id]);
  if (!station) return <p class="notice">{loaded ? say("station_missing", { id }) : say("loading")} <a href="#/">{say("back")}</a></p>;
  const zone = station.timezone;
  return (
    <div class="station">
      <StationHead station={station} />
      <Guard><StationAlarms id={id} /></Guard>
      {!detail ? (
        <p class="notice">{say("loading")}</p>
      ) : (
        <>
          <Guard><HealthStrip station={station} detail={detail} /></Guard>
          <Guard><TodayFluxes detail={detail} zone={zone} /></Guard>
          <Guard><Charts detail={detail} zone={zone} period={period} onPeriod={(next) => (setPeriod(next), remember("period", next))} /></Guard>
          <Guard><Ribbon station={id} zone={zone} period={recordsPeriod} onPeriod={(next) => (setRecordsPeriod(next), remember("records-period", next))} /></Guard>
          <div class="columns">
            <Guard><NewestTable detail={detail} /></Guard>
            <div>
              <Guard><PositionMap station={station} site={detail.site} /></Guard>
            </div>
          </div>
          <Guard><Instruments detail={detail} /></Guard>
        </>
      )}
      <p class="small">
        {say("software")} {station.software || "–"} · {say("configuration")} <span class="figures">{station.config_hash.slice(0, 12) || "–"}</span>
      </p>
    </div>
  );
}

function StationHead({ station }: { station: Summary }) {
  const { say, pick } = useLanguage();
  const now = useNow();
  return (
    <header class="station-head">
      <StationSymbol {...symbolFacts(station, now, store.world.speed)} />
      <div>
        <h1>{pick(station.name)}</h1>
        <p class="small">
          <span class="figures">{station.id}</span> · {wordFor(say, `platform_${station.platform}`, station.platform)} · {wordFor(say, `surface_${station.surface}`, station.surface)}
        </p>
      </div>
      <div class="station-facts">
        <StateWord station={station} />
        <DataAgeWords station={station} />
        <span>{zoneName(station.timezone, say)} <time class="figures">{clockTime(now, station.timezone)}</time> · {say("utc")} <time class="figures">{clockTime(now, "UTC")}</time></span>
        {station.simulated && <span class="badge simulated">{say("simulated")}</span>}
      </div>
    </header>
  );
}

function StationAlarms({ id }: { id: string }) {
  const { say } = useLanguage();
  const open = [...useCell(store.alarms).values()].filter((alarm) => alarm.station === id).sort(byUrgency);
  return (
    <section class="card" aria-labelledby="station-alarms-title">
      <header class="card-head">
        <h2 id="station-alarms-title">{say("open_alarms")}</h2>
        {open.length === 0 && <span class="muted">{say("no_alarms_shown")}</span>}
        <a href={alarmsLink(id)}>{say("journal")}</a>
      </header>
      {open.length > 0 && <AlarmRows alarms={open} withStation={false} />}
    </section>
  );
}
