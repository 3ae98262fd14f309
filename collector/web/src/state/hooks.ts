/** Hooks over the store. */
import { useCell } from "./cell";
import { store } from "./store";
import type { Summary } from "../api/types";

/** The collector's time, renewed every second. */
export function useNow(): number {
  useCell(store.tick);
  return store.now();
}

/** Is the server lost, so that nothing shown is certain? */
export const useLost = (): boolean => useCell(store.connection).state === "lost";

export const useStations = (): ReadonlyMap<string, Summary> => useCell(store.stations);
