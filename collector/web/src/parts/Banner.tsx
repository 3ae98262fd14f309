/** What must be known before anything else on the page is believed: the server is lost, or the centre is not well. */
import { useLanguage } from "../language/language";
import { age, BEIJING, clockTime } from "../format/time";
import { useCell } from "../state/cell";
import { store } from "../state/store";
import { countText } from "../format/value";

export function Banner() {
  const { say } = useLanguage();
  const { state, silentMs } = useCell(store.connection);
  if (state === "lost") return <Lost silentMs={silentMs} />;
  if (state === "connecting") return <p class="banner" role="status">{say("connecting")}</p>;
  return <CentreState />;
}

function Lost({ silentMs }: { silentMs: number }) {
  const { say } = useLanguage();
  const heard = store.heardAt;
  const words = heard === null
    ? say("lost_never", { age: age(silentMs, say) })
    : say("lost_since", { time: `${clockTime(heard, BEIJING)} (${say("utc")} ${clockTime(heard, "UTC")})`, age: age(silentMs, say) });
  return (
    <div class="banner lost">
      <strong role="alert">{say("lost_title")}</strong> <span>{words}</span>
    </div>
  );
}

function CentreState() {
  const { say } = useLanguage();
  const centre = useCell(store.centre);
  if (!centre) return null;
  if (centre.state === "full") return <p class="banner bad" role="alert">{say("centre_full")}</p>;
  if (centre.state === "no_broker") return <p class="banner bad" role="alert">{say("no_broker")}</p>;
  if (!centre.store_ok) return <p class="banner bad" role="alert">{say("store_failed")}</p>;
  const notes = [
    centre.sink && !centre.sink.ok ? say("sink_behind", { name: centre.sink.name, count: countText(centre.sink.lag_records ?? 0) }) : "",
    centre.parked + (centre.sink?.parked ?? 0) > 0 ? say("parked", { count: countText(centre.parked + (centre.sink?.parked ?? 0)) }) : "",
  ].filter(Boolean);
  return notes.length > 0 ? <p class="banner warn" role="status">{notes.join(" ")}</p> : null;
}
