/** What is mounted at the station and how it has been answering. */
import type { Detail, InstrumentFacts, InstrumentHealth } from "../api/types";
import { age, SECOND } from "../format/time";
import { placeText } from "../format/series";
import { countText } from "../format/value";
import { useLanguage } from "../language/language";
import { Lamp } from "./HealthStrip";
import { light, lightWord } from "./light";

export function Instruments({ detail }: { detail: Detail }) {
  const { say } = useLanguage();
  return (
    <section class="card" aria-labelledby="instruments-title">
      <h2 id="instruments-title">{say("instruments")}</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{say("instrument")}</th>
              <th scope="col">{say("state")}</th>
              <th scope="col">{say("model")}</th>
              <th scope="col">{say("place")}</th>
              <th scope="col">{say("serial_number")}</th>
              <th scope="col" class="right">{say("reading")}</th>
              <th scope="col" class="right">{say("bad")}</th>
              <th scope="col" class="right">{say("timeouts")}</th>
              <th scope="col" class="right">{say("last_reading")}</th>
            </tr>
          </thead>
          <tbody>
            {detail.instruments.map((instrument) => (
              <Row key={instrument.id} instrument={instrument} health={detail.health.instruments[instrument.id]} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ instrument, health }: { instrument: InstrumentFacts; health: InstrumentHealth | undefined }) {
  const { language, say } = useLanguage();
  const state = light(health);
  const count = (n: number | null | undefined) => (n === null || n === undefined ? "–" : countText(n));
  const last = health?.last_age_s;
  const reasons = Object.entries(health?.reasons ?? {}).map(([reason, times]) => `${reason} ${times}`).join(", ");
  return (
    <tr>
      <th scope="row">{instrument.id}</th>
      <td class="nowrap"><Lamp state={state} /> {say(lightWord(health))}</td>
      <td>{instrument.model}</td>
      <td>{placeText(instrument.place, language)}</td>
      <td class="figures">{instrument.serial_number}</td>
      <td class="right figures">{count(health?.good)}</td>
      <td class="right figures" title={reasons}>{count(health?.bad)}{reasons && <span class="small reasons"> ({reasons})</span>}</td>
      <td class="right figures">{count(health?.timeouts)}</td>
      <td class="right figures">{last === null || last === undefined ? "–" : say("ago", { age: age(last * SECOND, say) })}</td>
    </tr>
  );
}
