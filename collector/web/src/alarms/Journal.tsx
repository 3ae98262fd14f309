/** Past alarms, newest first, a page at a time. */
import { useEffect, useState } from "preact/hooks";
import { getAlarms } from "../api/client";
import type { Alarm } from "../api/types";
import { useLanguage } from "../language/language";
import { errorText } from "../parts/errors";
import { useCell } from "../state/cell";
import { store } from "../state/store";
import { AlarmRows } from "./AlarmRows";
import { matches, type Filter } from "./filter";

const PAGE = 50;

export function Journal({ station, filter }: { station: string; filter: Filter }) {
  const { say } = useLanguage();
  const [past, setPast] = useState<Alarm[]>([]);
  const [more, setMore] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const open = useCell(store.alarms);
  const connected = useCell(store.connection).state === "open";

  const ask = async (before?: Alarm) => {
    try {
      const got = await getAlarms({ state: "all", limit: PAGE, ...(station && { station }), ...(before && { before: before.id }) });
      setPast((known) => (before ? [...known, ...got] : got));
      setMore(got.length >= PAGE);
      setError(null);
    } catch (problem) {
      setError(problem);
    }
  };
  useEffect(() => void ask(), [station, open.size, connected]);

  const closed = [...new Map(past.map((alarm) => [alarm.id, alarm])).values()].filter((alarm) => alarm.condition === "cleared" && !open.has(alarm.id) && matches(alarm, { ...filter, state: "" }));
  const last = past.at(-1);
  return (
    <section class="card journal" aria-labelledby="journal-title">
      <h2 id="journal-title">{say("journal")}</h2>
      {error !== null && <p class="notice bad" role="alert">{say("load_failed", { error: errorText(error, say) })} <button type="button" onClick={() => void ask()}>{say("retry")}</button></p>}
      {closed.length > 0 ? <AlarmRows alarms={closed} past /> : error === null && <p class="muted">{say("journal_empty")}</p>}
      {more && last && <button type="button" onClick={() => void ask(last)}>{say("older")}</button>}
    </section>
  );
}
