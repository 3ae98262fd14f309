/**
 * The stream of server-sent events, watched.
 *
 * Promises: `heard` is called for every event, pings too; after `SILENCE_MS` without one the feed counts as lost and opens a new connection by
 * itself, for ever; a half-dead TCP connection is noticed as well as a closed one. Does not keep or interpret data.
 */
export const SILENCE_MS = 10_000;
const RETRY_MS = 3_000;
const NAMES = ["station", "live", "alarm", "record", "centre", "ping"] as const;
export type EventName = (typeof NAMES)[number];

export interface FeedHandlers {
  /** One event with its decoded JSON (null when it was not JSON). */
  event(name: EventName, data: unknown): void;
  /** A new connection stands: whatever was missed must be asked for. */
  opened(): void;
  /** Called about once a second: milliseconds since anything was heard, and whether that counts as lost. */
  watch(silentMs: number, lost: boolean): void;
}

export class Feed {
  #source: EventSource | null = null;
  #heardAt: number;
  #openedAt = 0;
  #paused = false;

  constructor(
    private readonly url: string,
    private readonly handlers: FeedHandlers,
    private readonly real: () => number = () => performance.now(),
  ) {
    this.#heardAt = this.real();
  }

  start(): void {
    this.#open();
    window.setInterval(() => this.#check(), 1_000);
    document.addEventListener("visibilitychange", () => this.#check());
    window.addEventListener("online", () => this.#open());
  }

  /** Connect anew now (after a login). */
  reopen(): void {
    this.#paused = false;
    this.#open();
  }

  /** Stay away until `reopen`. */
  pause(): void {
    this.#paused = true;
    this.#source?.close();
  }

  #open(): void {
    if (this.#paused) return;
    this.#source?.close();
    const source = new EventSource(this.url);
    this.#source = source;
    this.#openedAt = this.real();
    source.onopen = () => this.handlers.opened(); // being let in is not yet being told anything: only events count as heard
    for (const name of NAMES) {
      source.addEventListener(name, (message: MessageEvent) => {
        this.#heardAt = this.real();
        this.handlers.event(name, parse(message.data));
      });
    }
  }

  #check(): void {
    const now = this.real();
    const silent = now - this.#heardAt;
    const dead = this.#source?.readyState === EventSource.CLOSED;
    const waited = now - this.#openedAt;
    if ((dead && waited > RETRY_MS) || (silent > SILENCE_MS && waited > SILENCE_MS)) this.#open();
    this.handlers.watch(silent, silent > SILENCE_MS);
  }
}

function parse(data: unknown): unknown {
  try {
    return JSON.parse(String(data)) as unknown;
  } catch {
    return null;
  }
}
