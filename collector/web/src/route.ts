/** Where in the page one is: the part of the address after `#`. */
import { cell } from "./state/cell";

export type Route = { page: "overview" } | { page: "alarms"; station: string } | { page: "station"; station: string };

export function readRoute(hash: string): Route {
  const [page = "", station = ""] = hash.replace(/^#\/?/, "").split("/").map(decoded);
  if (page === "station" && station) return { page, station };
  return page === "alarms" ? { page, station } : { page: "overview" };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const stationLink = (station: string): string => `#/station/${encodeURIComponent(station)}`;
export const alarmsLink = (station = ""): string => (station ? `#/alarms/${encodeURIComponent(station)}` : "#/alarms");

export const route = cell<Route>(readRoute(location.hash));
window.addEventListener("hashchange", () => {
  route.set(readRoute(location.hash));
  window.scrollTo(0, 0);
});
