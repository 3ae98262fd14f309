/** Which language is shown: the visitor's choice, remembered; by default the browser's. */
import { cell, useCell } from "../state/cell";
import { recall, remember } from "../state/memory";
import type { Names } from "../api/types";
import { STRINGS, type Key } from "./strings";

export type Language = "en" | "zh";

function first(): Language {
  const chosen = recall("language");
  if (chosen === "en" || chosen === "zh") return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = cell<Language>(first());

export function choose(next: Language): void {
  remember("language", next);
  language.set(next);
}

export type Say = (key: Key, fields?: Record<string, string | number>) => string;

/** The words of one language. */
export function sayIn(which: Language): Say {
  return (key, fields = {}) => STRINGS[key][which].replace(/\{(\w+)\}/g, (whole, name: string) => String(fields[name] ?? whole));
}

/** A key made of parts (`flag_${n}`), or `otherwise` if there is no such word. */
export function wordFor(say: Say, key: string, otherwise: string): string {
  return Object.hasOwn(STRINGS, key) ? say(key as Key) : otherwise;
}

/** `say` and `pick` for the language now shown; the component renders again when it changes. */
export function useLanguage(): { language: Language; say: Say; pick: (names: Names) => string } {
  const now = useCell(language);
  return { language: now, say: sayIn(now), pick: (names) => names[now] };
}
