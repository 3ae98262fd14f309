/** State and data age of a station in words; while the server is lost they are only the last known. */
import type { Summary } from "../api/types";
import { age } from "../format/time";
import { useLanguage } from "../language/language";
import { freshness } from "../state/freshness";
import { useLost, useNow } from "../state/hooks";
import { store } from "../state/store";

export function StateWord({ station }: { station: Summary }) {
  const { say } = useLanguage();
  const state = say(`state_${station.state}`);
  return <span class={`state-word state-${station.state}`}>{useLost() ? say("last_known", { state }) : state}</span>;
}

export function DataAgeWords({ station }: { station: Summary }) {
  const { say } = useLanguage();
  const now = useNow();
  const lost = useLost();
  const fresh = freshness(station.data_t, now, store.world.speed);
  return (
    <span class={`fact-age ${fresh}`}>
      {say("data_age")} {station.data_t === null ? say("no_data_yet") : age(now - station.data_t, say)}
      {!lost && ` (${say(fresh)})`}
    </span>
  );
}
