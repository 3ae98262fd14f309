/** Numbers and units as they are printed. Nothing is converted: the unit is the server's, only set in proper type. */
import type { Value } from "../api/types";

const MINUS = "\u2212";
const SUPERSCRIPT: Record<string, string> = { "-": "\u207b", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹" };

/** "umol m-2 s-1" → "µmol m⁻² s⁻¹"; "degC" → "°C"; "1" (dimensionless) → "". */
export function unitText(unit: string): string {
  if (unit === "1" || unit === "") return "";
  if (unit === "degree" || unit === "degrees") return "°";
  return unit
    .replace(/^degC\b/, "°C")
    .replace(/\buatm\b/, "µatm")
    .replace(/\bumol\b/g, "µmol")
    .replace(/(?<=[A-Za-z])-?\d+/g, (power) => [...power].map((c) => SUPERSCRIPT[c] ?? c).join(""));
}

/** About four significant digits, never fewer than the whole part; degrees of position keep five decimals. */
export function numberText(value: number, quantity = ""): string {
  const size = Math.abs(value);
  let shown: string;
  if (quantity === "latitude" || quantity === "longitude") shown = value.toFixed(5);
  else if (size !== 0 && size < 1e-3) shown = value.toExponential(1).replace("e-", "e" + MINUS);
  else if (size >= 1e7) shown = value.toExponential(3).replace("e+", "e");
  else shown = value.toFixed(size >= 10_000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 2 : 3);
  if (Number.isInteger(value) && size < 1e7 && !/itude$/.test(quantity)) shown = value.toFixed(0);
  return Number(shown) === 0 && !shown.includes("e") ? shown.replace("-", "") : shown.replace(/^-/, MINUS);
}

/** A value with its unit; an absent one is a dash. */
export function valueText(value: Value, unit: string, quantity = ""): string {
  if (value === null) return "–";
  const shown = typeof value === "number" ? numberText(value, quantity) : String(value);
  const symbol = unitText(unit);
  return symbol ? `${shown}${symbol === "°" ? "" : "\u00a0"}${symbol}` : shown;
}

/** 0.183 → "18 %". */
export const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}\u00a0%`;

export const countText = (count: number): string => (count >= 100_000 ? `${Math.round(count / 1000)}k` : String(Math.round(count)));
