/** One value that components can watch: the whole state machinery of the page. */
import { useEffect, useState } from "preact/hooks";

export interface Cell<T> {
  get(): T;
  set(value: T): void;
  /** Call `listener` after each change; returns how to stop. */
  watch(listener: () => void): () => void;
}

export function cell<T>(initial: T): Cell<T> {
  let current = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => current,
    set(value) {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of [...listeners]) listener();
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The cell's value; the component renders again when it changes. */
export function useCell<T>(source: Cell<T>): T {
  const [, again] = useState({});
  useEffect(() => {
    const seen = source.get();
    const stop = source.watch(() => again({}));
    if (!Object.is(seen, source.get())) again({});
    return stop;
  }, [source]);
  return source.get();
}
