/** What went wrong with a request, in words. */
import { RequestError } from "../api/client";
import type { Say } from "../language/language";

export function errorText(error: unknown, say: Say): string {
  if (!(error instanceof RequestError)) return String(error);
  if (error.status === 0) return say("error_no_answer");
  if (error.status === 401) return say("error_login");
  if (error.status === 403) return say("error_forbidden");
  if (error.status === 409) return say("error_settled");
  if (error.status === 404) return say("error_gone");
  if (error.status === 429) return say("error_busy");
  return error.message || say("error_status", { status: error.status });
}
