/** What an alarm is about, where its title does not say: the quantity and place of its series, else the instrument or stream in its key. */
import type { Alarm } from "../api/types";
import { parts, placeText } from "../format/series";
import { useLanguage } from "../language/language";
import { useCell } from "../state/cell";
import { store } from "../state/store";

export function SubjectWords({ alarm }: { alarm: Alarm }) {
  const words = useSubject(alarm.station)(alarm.series || subjectOf(alarm));
  return words ? <span> · {words}</span> : null;
}

/** How this station's series are called in the language of the page; anything else keeps its identifier. */
export function useSubject(station: string): (name: string) => string {
  const { language, pick } = useLanguage();
  const series = useCell(store.details).get(station)?.series;
  return (name) => {
    if (!name.includes("@")) return name;
    const { quantity, place } = parts(name);
    const birth = series?.[name];
    return `${(birth && pick(birth.label)) || quantity} (${placeText(place, language)})`;
  };
}

/** The last part of "rule/station/subject". */
const subjectOf = (alarm: Alarm): string => alarm.key.split("/").slice(2).join("/");
