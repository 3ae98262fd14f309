/** Logging in and out, where the collector asks for it. Seeing needs no login; acting may. */
import { useEffect, useRef, useState } from "preact/hooks";
import { login, logout, RequestError } from "../api/client";
import { useLanguage } from "../language/language";
import { cell, useCell } from "../state/cell";
import { store } from "../state/store";
import { errorText } from "./errors";

const asked = cell(false);
export const askLogin = (): void => asked.set(true);

export function LoginButton() {
  const { say } = useLanguage();
  const me = useCell(store.me);
  const locked = useCell(store.locked);
  if (!me || (!me.login_required && !locked && me.name === null)) return null;
  if (me.name === null) return <button type="button" onClick={askLogin}>{say("log_in")}</button>;
  const leave = () => void logout().catch(() => undefined).then(() => store.refresh());
  return (
    <span class="who">
      <span title={say("logged_in_as", { name: me.name })}>{me.name}</span>
      <button type="button" class="quiet" onClick={leave}>{say("log_out")}</button>
    </span>
  );
}

/** Instead of the page, where this centre shows nothing before a login. */
export function Locked() {
  const { say } = useLanguage();
  return (
    <p class="notice">
      {say("view_locked")} <button type="button" class="primary" onClick={askLogin}>{say("log_in")}</button>
    </p>
  );
}

/** The dialog, open while somebody asked for it. */
export function LoginDialog() {
  return useCell(asked) ? <Form /> : null;
}

function Form() {
  const { say } = useLanguage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    try {
      await login(String(fields.get("name")), String(fields.get("password")));
      await store.refresh();
      asked.set(false);
    } catch (problem) {
      const refused = problem instanceof RequestError && problem.status === 401;
      setError(say("login_failed", { error: refused ? say("error_refused") : errorText(problem, say) }));
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="login-title" onClose={() => asked.set(false)}>
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="login-title">{say("login_title")}</h2>
        <label>{say("user_name")}<input name="name" autocomplete="username" required maxLength={60} /></label>
        <label>{say("password")}<input name="password" type="password" autocomplete="current-password" required maxLength={200} /></label>
        {error && <p class="notice bad" role="alert">{error}</p>}
        <p class="actions">
          <button type="button" class="quiet" onClick={() => asked.set(false)}>{say("cancel")}</button>
          <button type="submit" class="primary" disabled={busy}>{say("log_in")}</button>
        </p>
      </form>
    </dialog>
  );
}
