/** Which series are computed over a longer time than a minute: fluxes, water level. Pure. */
import type { Detail } from "../api/types";
import { MINUTE } from "../format/time";

export function isProduct(detail: Detail | undefined, series: string): boolean {
  const stream = detail?.series[series]?.stream;
  return stream !== undefined && (detail?.streams[stream] ?? 0) > MINUTE;
}
