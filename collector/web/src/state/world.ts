/**
 * The time of the collector, estimated from what it last said.
 *
 * On the bench the whole chain runs on a faster clock, so the page never takes ages from the browser's own time: it learns the offset and the
 * speed from the server's pings. Promises: never goes back between two pings by more than the server did; speed 1 until proven otherwise.
 */
export class WorldClock {
  #heard: { real: number; world: number }[] = [];
  #speed = 1;
  #learned = false;

  /** `real`: a monotonic clock in milliseconds. */
  constructor(private readonly real: () => number) {}

  /** The server said it is `world` now. */
  hear(world: number): void {
    const real = this.real();
    const last = this.#heard.at(-1);
    const jumped = this.#learned && Math.abs(world - this.now()) > JUMP_MS * Math.max(1, this.#speed);
    if (last && (jumped || world < last.world - BACK_MS)) {
      this.#heard = [];
      this.#learned = false;
    }
    this.#heard.push({ real, world });
    while (this.#heard.length > 2 && real - this.#heard[0]!.real > SPAN_MS) this.#heard.shift();
    const first = this.#heard[0]!;
    if (real - first.real >= MIN_SPAN_MS) {
      const span = real - first.real;
      const speed = (world - first.world) / span;
      this.#speed = Math.abs(speed - 1) < NEAR_ONE + DELAY_MS / span ? 1 : speed;
      this.#learned = true;
    }
  }

  get known(): boolean {
    return this.#heard.length > 0;
  }

  get speed(): number {
    return this.#speed;
  }

  /** Now, UTC milliseconds of the collector's world. */
  now(): number {
    const last = this.#heard.at(-1);
    return last ? last.world + (this.real() - last.real) * this.#speed : Date.now();
  }
}

const SPAN_MS = 60_000;
const MIN_SPAN_MS = 3_000;
const NEAR_ONE = 0.1;
const DELAY_MS = 1_500; // a slow answer must not look like a fast clock
const JUMP_MS = 30_000;
const BACK_MS = 1_000;
