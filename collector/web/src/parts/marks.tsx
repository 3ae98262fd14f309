/** Signs for quality flags (QARTOD) and flux classes: shape and colour and, beside them, words. */
import { useLanguage, wordFor } from "../language/language";

const FLAG_SIGN: Record<number, string> = { 1: "●", 2: "○", 3: "▲", 4: "✕", 9: "–" };

export function FlagWord({ flag }: { flag: number }) {
  const { say } = useLanguage();
  return (
    <span class={`flag flag-${flag}`}>
      <span aria-hidden="true" class="flag-sign">{FLAG_SIGN[flag] ?? "?"}</span> {wordFor(say, `flag_${flag}`, String(flag))}
    </span>
  );
}

export function ClassSign({ value }: { value: number }) {
  return (
    <svg class={`class-sign class-${value}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {value === 0 ? <circle cx="6" cy="6" r="4.500" /> : value === 1 ? <path d="M6 1 L11 6 L6 11 L1 6 Z" /> : <path d="M6 10.500 L11 2 H1 Z" />}
    </svg>
  );
}

export function ClassWord({ value }: { value: number | null }) {
  const { say } = useLanguage();
  if (value === null) return null;
  return (
    <span class={`class-word class-${value}`}>
      <ClassSign value={value} /> {wordFor(say, `class_${value}`, String(value))}
    </span>
  );
}

/** What the marks in the charts mean. */
export function MarkKey({ classes }: { classes: boolean }) {
  const { say } = useLanguage();
  return (
    <p class="chart-key">
      <span class="small">{say("chart_key")}</span>
      <FlagWord flag={3} /> <FlagWord flag={4} />
      {classes && [0, 1, 2].map((value) => <ClassWord key={value} value={value} />)}
    </p>
  );
}
