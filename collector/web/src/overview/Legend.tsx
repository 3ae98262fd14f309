/** What the symbols on the map mean. */
import { age } from "../format/time";
import { useLanguage } from "../language/language";
import { SeverityIcon } from "../parts/Symbol";
import { lateAfter, silentAfter, type Freshness } from "../state/freshness";
import { useNow } from "../state/hooks";
import { store } from "../state/store";

export function Legend() {
  const { say } = useLanguage();
  useNow();
  const [late, silent] = [age(lateAfter(store.world.speed), say), age(silentAfter(store.world.speed), say)];
  return (
    <details class="legend">
      <summary>{say("legend")}</summary>
      <p class="small">{say("legend_shape")}</p>
      <ul>
        {(["high", "medium", "low"] as const).map((severity) => <li key={severity}><SeverityIcon severity={severity} /> {say(`sev_${severity}`)}</li>)}
        <li><SeverityIcon severity={null} /> {say("sev_none")}</li>
        <li><SeverityIcon severity="medium" hollow /> {say("legend_hollow")}</li>
      </ul>
      <p class="small">{say("legend_ring")}</p>
      <ul>
        <Ring freshness="fresh" hint={say("fresh_hint", { age: late })} />
        <Ring freshness="late" hint={say("late_hint", { from: late, to: silent })} />
        <Ring freshness="silent" hint={say("silent_hint", { age: silent })} />
      </ul>
      <p class="small">{say("legend_number")}</p>
    </details>
  );
}

function Ring({ freshness, hint }: { freshness: Freshness; hint: string }) {
  const { say } = useLanguage();
  return (
    <li>
      <svg viewBox="0 0 40 40" width="20" height="20" aria-hidden="true">
        <circle class={`ring ring-${freshness}`} cx="20" cy="20" r="16.500" pathLength="60" />
      </svg>
      {say(freshness)} <span class="small">{hint}</span>
    </li>
  );
}
