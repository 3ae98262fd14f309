/** What is mounted at the station and how it has been answering. */
import type { Correction, Detail, InstrumentFacts } from "../api/types";
import { age, SECOND } from "../format/time";
import { placeText } from "../format/series";
import { countText, unitText } from "../format/value";
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
              <th scope="col">{say("calibrated")}</th>
              <th scope="col" class="right">{say("reading")}</th>
              <th scope="col" class="right">{say("bad")}</th>
              <th scope="col" class="right">{say("timeouts")}</th>
              <th scope="col" class="right">{say("last_reading")}</th>
            </tr>
          </thead>
          <tbody>
            {detail.instruments.map((instrument) => (
              <Row key={instrument.id} instrument={instrument} detail={detail} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ instrument, detail }: { instrument: InstrumentFacts; detail: Detail }) {
  const { language, say } = useLanguage();
  const health = detail.health.instruments[instrument.id];
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
      <td class="figures">{instrument.calibrated || "–"}<Corrections instrument={instrument} detail={detail} /></td>
      <td class="right figures">{count(health?.good)}</td>
      <td class="right figures" title={reasons}>{count(health?.bad)}{reasons && <span class="small reasons"> ({reasons})</span>}</td>
      <td class="right figures">{count(health?.timeouts)}</td>
      <td class="right figures">{last === null || last === undefined ? "–" : say("ago", { age: age(last * SECOND, say) })}</td>
    </tr>
  );
}

/** What the calibration makes the station do to values: a line a quantity. */
function Corrections({ instrument, detail }: { instrument: InstrumentFacts; detail: Detail }) {
  const { say, pick } = useLanguage();
  return (
    <>
      {Object.entries(instrument.corrections).map(([quantity, correction]) => {
        const birth = detail.series[`${quantity}@${instrument.place}`];
        const what = `${(birth && pick(birth.label)) || quantity} ${formula(correction, birth?.unit ?? "")}`;
        return <div key={quantity} class="small">{say("corrected", { what })}</div>;
      })}
    </>
  );
}

function formula({ slope, offset }: Correction, unit: string): string {
  const sign = offset < 0 ? "\u2212" : "+";
  return `× ${digits(slope)} ${sign} ${digits(Math.abs(offset))} ${unitText(unit)}`.trimEnd();
}

/** A coefficient with the digits that it was given. */
const digits = (value: number): string => String(Number(value.toPrecision(7)));
