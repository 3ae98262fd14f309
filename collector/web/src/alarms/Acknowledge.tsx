/** Taking an alarm: a comment, and a name where nobody is logged in. */
import { useEffect, useRef, useState } from "preact/hooks";
import { acknowledge, RequestError } from "../api/client";
import * as decode from "../api/decode";
import type { Alarm } from "../api/types";
import { useLanguage } from "../language/language";
import { askLogin } from "../parts/Login";
import { errorText } from "../parts/errors";
import { useCell } from "../state/cell";
import { recall, remember } from "../state/memory";
import { store } from "../state/store";

export function Acknowledge({ alarm, onDone }: { alarm: Alarm; onDone: () => void }) {
  const { say, pick } = useLanguage();
  const me = useCell(store.me);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const asksName = me?.name === null || me === null;
  useEffect(() => {
    const empty = [...(form.current?.querySelectorAll("input") ?? [])].find((input) => input.value === "");
    empty?.focus();
  }, []);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const who = asksName ? String(fields.get("who")).trim() : undefined;
    if (who === "") return setError(say("name_needed"));
    if (who !== undefined) remember("who", who);
    setBusy(true);
    try {
      const answer = await acknowledge(alarm.id, String(fields.get("comment")).trim(), who);
      take(answer);
      onDone();
    } catch (problem) {
      if (problem instanceof RequestError && problem.status === 401) askLogin();
      setError(say("acknowledge_failed", { error: errorText(problem, say) }));
      setBusy(false);
    }
  };
  return (
    <form ref={form} class="acknowledge" aria-label={say("acknowledge_title", { title: pick(alarm.title) })} onSubmit={(event) => void submit(event)} onKeyDown={(event) => event.key === "Escape" && onDone()}>
      {asksName && <label>{say("your_name")}<input name="who" autocomplete="name" maxLength={60} defaultValue={recall("who") ?? ""} /></label>}
      <label class="wide">{say("comment")}<input name="comment" maxLength={500} placeholder={say("comment_hint")} autocomplete="off" /></label>
      <span class="actions">
        <button type="submit" class="primary" disabled={busy}>{say("acknowledge")}</button>
        <button type="button" class="quiet" onClick={onDone}>{say("cancel")}</button>
      </span>
      <p class="small">{say("acknowledge_hint")}</p>
      {error && <p class="notice bad" role="alert">{error}</p>}
    </form>
  );
}

/** The answer is the alarm as it now is; if it is not, the list is asked for again. */
function take(answer: unknown): void {
  const given = decode.alarm(decode.object(answer).alarm ?? answer);
  if (given) store.takeAlarm(given);
  else void store.refreshAlarms().catch(() => undefined);
}
