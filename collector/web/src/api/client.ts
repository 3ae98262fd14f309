/** Questions to the collector. Every call has a time limit and fails with RequestError; nothing here keeps state. */
import * as decode from "./decode";
import type { Alarm, Detail, Me, SeriesAnswer, StationsAnswer, StreamLedger } from "./types";

const TIME_LIMIT_MS = 15_000;

export class RequestError extends Error {
  /** `status` 0: no answer at all. `message` is what the server said, else "". */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, signal: AbortSignal.timeout(TIME_LIMIT_MS), credentials: "same-origin", headers: { Accept: "application/json", ...init.headers } });
  } catch {
    throw new RequestError(0, "");
  }
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok) {
    const said = decode.object(body);
    throw new RequestError(answer.status, decode.text(said.error) || decode.text(said.message));
  }
  return body;
}

const post = (path: string, body: unknown) => ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

function query(fields: Record<string, string | number | undefined>): string {
  const given = Object.entries(fields).filter((field): field is [string, string | number] => field[1] !== undefined && field[1] !== "");
  return new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
}

export const getStations = async (): Promise<StationsAnswer> => decode.stationsAnswer(await ask("api/stations"));
export const getStation = async (id: string): Promise<Detail> => decode.detail(await ask(`api/stations/${encodeURIComponent(id)}`));
export const getMe = async (): Promise<Me> => decode.me(await ask("api/me"));

export async function getSeries(station: string, series: string[], from: number, to: number, points: number): Promise<SeriesAnswer> {
  return decode.seriesAnswer(await ask(`api/series?${query({ station, series: series.join(","), from: Math.round(from), to: Math.round(to), points })}`));
}

export async function getLedger(station: string, from: number, to: number): Promise<StreamLedger[]> {
  return decode.ledger(await ask(`api/ledger?${query({ station, from: Math.round(from), to: Math.round(to) })}`));
}

export async function getAlarms(which: { state: "open" | "all"; station?: string; limit?: number; before?: number | string }): Promise<Alarm[]> {
  return decode.alarms(await ask(`api/alarms?${query(which)}`));
}

export const acknowledge = (id: string, comment: string, who?: string) =>
  post(`api/alarms/${encodeURIComponent(id)}/acknowledge`, who === undefined ? { comment } : { comment, who });
export const login = (name: string, password: string) => post("api/login", { name, password });
export const logout = () => post("api/logout", {});
