/** What an alarm is about, where its title does not say: the quantity and place of its series, else the instrument or stream in its key. */
import type { Alarm } from "../api/types";
import { parts, placeText } from "../format/series";
import { useLanguage } from "../language/language";

export function SubjectWords({ alarm }: { alarm: Alarm }) {
  const words = useSubject(alarm)(alarm.series || subjectOf(alarm));
  return words ? <span> · {words}</span> : null;
}

/** How the series and streams of an alarm are called in the language of the page; anything else keeps its identifier. */
export function useSubject(alarm: Alarm): (name: string) => string {
  const { language, pick } = useLanguage();
  return (name) => {
    const words = alarm.names[name];
    if (!name.includes("@")) return words ? pick(words) : name;
    const { quantity, place } = parts(name);
    return `${words ? pick(words) : quantity} (${placeText(place, language)})`;
  };
}

/** The last part of "rule/station/subject". */
const subjectOf = (alarm: Alarm): string => alarm.key.split("/").slice(2).join("/");
