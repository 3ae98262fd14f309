/** The newest value of every series, with its quality in words and its age. */
import { useState } from "preact/hooks";
import type { Detail, Newest } from "../api/types";
import { parts, placeText, statisticText } from "../format/series";
import { age } from "../format/time";
import { valueText } from "../format/value";
import { useLanguage } from "../language/language";
import { ClassWord, FlagWord } from "../parts/marks";
import { useNow } from "../state/hooks";

export function NewestTable({ detail }: { detail: Detail }) {
  const { say } = useLanguage();
  const now = useNow();
  const [all, setAll] = useState(false);
  const rows = Object.entries(detail.newest)
    .filter(([series, { stream }]) => series.includes("@") && (all || (parts(series).statistic === "" && stream !== "health"))) // health has its own strip
    .sort(([a, x], [b, y]) => x.stream.localeCompare(y.stream) || a.localeCompare(b));
  return (
    <section class="card" aria-labelledby="newest-title">
      <header class="card-head">
        <h2 id="newest-title">{say("newest_values")}</h2>
        <label class="small"><input type="checkbox" checked={all} onChange={() => setAll(!all)} /> {say("statistics_too")}</label>
      </header>
      {rows.length === 0 ? (
        <p class="notice">{say("no_values")}</p>
      ) : (
        <div class="scroll">
          <table class="newest">
            <thead>
              <tr>
                <th scope="col">{say("quantity")}</th>
                <th scope="col">{say("place")}</th>
                <th scope="col" class="right">{say("value")}</th>
                <th scope="col">{say("quality")}</th>
                <th scope="col" class="right">{say("age")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(([series, newest]) => <Row key={series} series={series} newest={newest} detail={detail} now={now} />)}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ series, newest, detail, now }: { series: string; newest: Newest; detail: Detail; now: number }) {
  const { language, say, pick } = useLanguage();
  const { quantity, statistic, place } = parts(series);
  const birth = detail.series[series] ?? (statistic ? detail.series[`${quantity}@${place}`] : undefined);
  return (
    <tr data-series={series}>
      <th scope="row">
        {(birth && pick(birth.label)) || quantity} {statistic && <span class="small">{statisticText(statistic, language)}</span>}
      </th>
      <td>{placeText(place, language)}</td>
      <td class={`right figures flag-value-${newest.flag}`}>{valueText(newest.value, birth?.unit ?? "", quantity)}</td>
      <td>{newest.class !== null ? <><FlagWord flag={newest.flag} /> · <ClassWord value={newest.class} /></> : <FlagWord flag={newest.flag} />}</td>
      <td class="right figures">{age(now - newest.t, say)}</td>
    </tr>
  );
}
