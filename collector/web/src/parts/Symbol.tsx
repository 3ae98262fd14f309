/** The station symbol and its pieces: shape and colour say the worst alarm, the ring the age of the data, the number what waits. */
import type { Severity } from "../api/types";
import { countText } from "../format/value";
import type { Freshness } from "../state/freshness";

export interface SymbolFacts {
  severity: Severity | null;
  acknowledged: boolean;
  freshness: Freshness;
  waiting: number;
}

/** Each severity has its own shape, so that colour is never the only sign. */
export function SeverityShape({ severity, hollow = false }: { severity: Severity | null; hollow?: boolean }) {
  const look = `shape severity-${severity ?? "none"}${hollow ? " hollow" : ""}`;
  if (severity === "high") return <path class={look} d="M20 9.500 L30 27.500 H10 Z" />;
  if (severity === "medium") return <path class={look} d="M20 9.500 L30.500 20 L20 30.500 L9.500 20 Z" />;
  if (severity === "low") return <rect class={look} x="12" y="12" width="16" height="16" />;
  return <circle class={look} cx="20" cy="20" r="7" />;
}

export function StationSymbol({ severity, acknowledged, freshness, waiting }: SymbolFacts) {
  return (
    <svg class="station-symbol" viewBox="0 0 40 40" width="40" height="40" aria-hidden="true">
      <circle class="symbol-ground" cx="20" cy="20" r="18.500" />
      <circle class={`ring ring-${freshness}`} cx="20" cy="20" r="16.500" pathLength="60" />
      <SeverityShape severity={severity} hollow={acknowledged} />
      {severity === "high" && <text class={`shape-mark${acknowledged ? " hollow" : ""}`} x="20" y="25.500">!</text>}
      {waiting > 0 && (
        <g class="waiting">
          <rect x="27" y="-4" width={badgeWidth(waiting)} height="14" rx="7" />
          <text x={27 + badgeWidth(waiting) / 2} y="6.500">{countText(waiting)}</text>
        </g>
      )}
    </svg>
  );
}

const badgeWidth = (count: number): number => 8 + 6 * countText(count).length;

/** The severity alone, for rows of text. */
export function SeverityIcon({ severity, hollow = false }: { severity: Severity | null; hollow?: boolean }) {
  return (
    <svg class="severity-icon" viewBox="8 8 24 24" width="18" height="18" aria-hidden="true">
      <SeverityShape severity={severity} hollow={hollow} />
      {severity === "high" && <text class={`shape-mark${hollow ? " hollow" : ""}`} x="20" y="25.500">!</text>}
    </svg>
  );
}
