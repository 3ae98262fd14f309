/** Alarms as rows: how bad, where, what, since when, value against limit, who has it, what to do. Chosen with the arrow keys, acknowledged with `a`. */
import { useRef, useState } from "preact/hooks";
import type { Alarm, Value } from "../api/types";
import { parts } from "../format/series";
import { age, BEIJING, shortTime } from "../format/time";
import { valueText } from "../format/value";
import { useLanguage, type Say } from "../language/language";
import { SubjectWords, useSubject } from "../parts/SubjectWords";
import { SeverityIcon } from "../parts/Symbol";
import { stationLink } from "../route";
import { useCell } from "../state/cell";
import { useNow, useStations } from "../state/hooks";
import { store } from "../state/store";
import { Acknowledge } from "./Acknowledge";
import { askLogin } from "../parts/Login";

export function AlarmRows({ alarms, withStation = true, past = false }: { alarms: Alarm[]; withStation?: boolean; past?: boolean }) {
  const [acting, setActing] = useState<string | null>(null);
  const holder = useRef<HTMLUListElement>(null);
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-alarm]");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = event.key === "ArrowDown" ? row?.nextElementSibling : row?.previousElementSibling;
      if (next instanceof HTMLElement) {
        next.focus();
        event.preventDefault();
      }
    }
    if (event.key === "a" && row) {
      const alarm = alarms.find((a) => a.id === row.dataset["alarm"]);
      if (alarm && !past && canAcknowledge(alarm)) {
        event.preventDefault();
        void mayAct(() => setActing(alarm.id));
      }
    }
  };
  const done = (id: string) => {
    setActing(null);
    holder.current?.querySelector<HTMLElement>(`[data-alarm="${CSS.escape(id)}"]`)?.focus();
  };
  return (
    <ul class="alarms" ref={holder} onKeyDown={onKey}>
      {alarms.map((alarm) => (
        <li key={alarm.id} data-alarm={alarm.id} tabIndex={0} class={`alarm severity-${alarm.severity} condition-${alarm.condition} ${alarm.acknowledged ? "acknowledged" : "unacknowledged"}`}>
          <AlarmBody alarm={alarm} withStation={withStation} past={past} onAct={() => void mayAct(() => setActing(alarm.id))} />
          {acting === alarm.id && <Acknowledge alarm={alarm} onDone={() => done(alarm.id)} />}
        </li>
      ))}
    </ul>
  );
}

export const canAcknowledge = (alarm: Alarm): boolean => alarm.acknowledged === null;

const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

/** Runs the deed when this visitor may; asks for a login where one is needed. */
async function mayAct(deed: () => void): Promise<void> {
  if (store.me.get() === null) await store.refreshMe().catch(() => undefined);
  const me = store.me.get();
  if (me?.login_required && me.name === null) askLogin();
  else deed();
}

function stateWords(alarm: Alarm, say: Say): string {
  if (alarm.condition === "cleared") return say("alarm_cleared");
  return say(`alarm_${alarm.condition}_${alarm.acknowledged ? "ack" : "unack"}`);
}

function AlarmBody({ alarm, withStation, past, onAct }: { alarm: Alarm; withStation: boolean; past: boolean; onAct: () => void }) {
  const { say, pick } = useLanguage();
  const now = useNow();
  const stations = useStations();
  const me = useCell(store.me);
  const station = stations.get(alarm.station);
  const zone = station?.timezone ?? BEIJING;
  const forbidden = me !== null && !me.may_acknowledge && !(me.login_required && me.name === null);
  const end = alarm.returned_ms ?? alarm.cleared_ms;
  return (
    <div class="alarm-body">
      <span class="alarm-severity"><SeverityIcon severity={alarm.severity} hollow={alarm.acknowledged !== null} /> {say(`sev_${alarm.severity}`)}</span>
      <div class="alarm-text">
        <p class="alarm-title">
          <strong>{pick(alarm.title)}</strong>
          {withStation && <> · {station ? <a href={stationLink(station.id)}>{pick(station.name)}</a> : alarm.station || say("centre")}</>}
          <span class="small"><SubjectWords alarm={alarm} /></span>
        </p>
        {pick(alarm.message) && <p>{pick(alarm.message)}</p>}
        <p class="alarm-facts">
          <span class="alarm-state">{stateWords(alarm, say)}</span>
          <Measured alarm={alarm} />
          <More alarm={alarm} />
          {alarm.acknowledged && (
            <span>
              {say("acknowledged_by", { who: alarm.acknowledged.who || "–", time: alarm.acknowledged.when_ms === null ? "–" : shortTime(alarm.acknowledged.when_ms, now, zone) })}
              {alarm.acknowledged.comment && <>: “{alarm.acknowledged.comment}”</>}
            </span>
          )}
        </p>
        {pick(alarm.guidance) && (
          <details>
            <summary>{say("what_to_do")}</summary>
            <p class="guidance">{pick(alarm.guidance)}</p>
          </details>
        )}
      </div>
      <span class="alarm-since">
        <strong class="figures">{past && end !== null ? say("lasted", { age: age(end - alarm.raised_ms, say) }) : age(now - alarm.raised_ms, say)}</strong>
        <span class="small figures">{say("since", { time: shortTime(alarm.raised_ms, now, zone) })}</span>
        {!past && alarm.returned_ms !== null && <span class="small">{say("returned_at", { age: age(now - alarm.returned_ms, say) })}</span>}
      </span>
      {!past && canAcknowledge(alarm) && (
        <button type="button" class="act" onClick={onAct} disabled={forbidden} title={forbidden ? say("may_not") : undefined}>{say("acknowledge")}</button>
      )}
    </div>
  );
}

/** What else is known: it got milder, its source went bad, it came back again and again, it hides others. */
function More({ alarm }: { alarm: Alarm }) {
  const { say } = useLanguage();
  const subject = useSubject(alarm);
  const words = [
    alarm.severity_now !== null && alarm.severity_now !== alarm.severity ? say("now_severity", { severity: say(`sev_${alarm.severity_now}`) }) : "",
    alarm.source_bad ? say("source_bad") : "",
    alarm.count > 1 ? say("came_on", { count: alarm.count }) : "",
    alarm.children.length > 0 ? say("hides", { children: alarm.children.map(subject).join(say("list_comma")) }) : "",
  ].filter(Boolean);
  return words.length > 0 ? <span>{words.join(" · ")}</span> : null;
}

function Measured({ alarm }: { alarm: Alarm }) {
  const { say } = useLanguage();
  const { quantity } = parts(alarm.series);
  const words = (value: Value) => valueText(value, alarm.unit, quantity);
  if (alarm.value === null && alarm.limit === null) return null;
  return (
    <span class="figures">
      {alarm.value !== null && <>{say("value_is")} {words(alarm.value)}</>}
      {alarm.value !== null && alarm.limit !== null && " · "}
      {alarm.limit !== null && <>{say("limit_is")} {words(alarm.limit)}</>}
    </span>
  );
}
