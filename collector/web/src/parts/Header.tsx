/** The head of every page: where one is, what time it is there, how old the newest data are, and whether they are real. */
import { choose, useLanguage } from "../language/language";
import { age, BEIJING, clockTime, date } from "../format/time";
import { useCell } from "../state/cell";
import { freshness } from "../state/freshness";
import { useNow, useStations } from "../state/hooks";
import { store } from "../state/store";
import type { Route } from "../route";
import { LoginButton } from "./Login";

export function Header({ route }: { route: Route }) {
  const { language, say } = useLanguage();
  const alarms = useCell(store.alarms);
  const stations = useStations();
  const open = [...alarms.values()].filter((alarm) => !alarm.acknowledged).length;
  const simulated = [...stations.values()].some((station) => station.simulated);
  const here = (page: Route["page"]) => (route.page === page ? { "aria-current": "page" as const } : {});
  return (
    <header class="head">
      <a class="skip" href="#content" onClick={toContent}>{say("skip")}</a>
      <a class="brand" href="#/" aria-label="Haitan 海碳">
        <span lang="zh-CN">海碳</span> <span lang="en">Haitan</span>
      </a>
      <nav aria-label={say("main_menu")}>
        <a href="#/" {...here("overview")}>{say("overview")}</a>
        <a href="#/alarms" {...here("alarms")}>
          {say("alarms")} {open > 0 && <span class="count">{open}</span>}
        </a>
      </nav>
      <DataAge />
      <Clocks />
      {simulated && <span class="badge simulated" title={say("simulated_hint")}>{say("simulated")}</span>}
      <BenchSpeed />
      <span class="head-actions">
        <LoginButton />
        <button type="button" class="quiet" lang={language === "en" ? "zh-CN" : "en"} title={say("language_hint")} onClick={() => choose(language === "en" ? "zh" : "en")}>
          {say("language_switch")}
        </button>
      </span>
    </header>
  );
}

function toContent(event: Event): void {
  event.preventDefault(); // the hash is the route; only the focus moves
  document.getElementById("content")?.focus();
}

function DataAge() {
  const { say } = useLanguage();
  const now = useNow();
  const stations = useStations();
  const lost = useCell(store.connection).state === "lost";
  const locked = useCell(store.locked);
  const newest = Math.max(...[...stations.values()].map((station) => station.data_t ?? -Infinity));
  const known = Number.isFinite(newest);
  const state = freshness(known ? newest : null, now, store.world.speed);
  if (locked) return null;
  if (lost) return <span class="data-age silent">{say("lost_mark")}</span>;
  return (
    <span class={`data-age ${state}`}>
      <span class="small">{say("newest_data")}</span> {known ? say("ago", { age: age(now - newest, say) }) : say("no_data_yet")}
    </span>
  );
}

function Clocks() {
  const { say } = useLanguage();
  const now = useNow();
  if (!store.world.known) return null;
  return (
    <span class="clocks">
      <span title={date(now, BEIJING)}>
        <span class="small">{say("beijing_time")}</span> <time class="figures">{date(now, BEIJING).slice(5)} {clockTime(now, BEIJING)}</time>
      </span>
      <span title={date(now, "UTC")}>
        <span class="small">{say("utc")}</span> <time class="figures">{clockTime(now, "UTC")}</time>
      </span>
    </span>
  );
}

function BenchSpeed() {
  const { say } = useLanguage();
  useNow();
  const speed = store.world.speed;
  if (Math.abs(speed - 1) < 0.1) return null;
  return <span class="badge" title={say("bench_speed_hint")}>{say("bench_speed", { speed: speed < 3 ? speed.toFixed(1) : Math.round(speed) })}</span>;
}
