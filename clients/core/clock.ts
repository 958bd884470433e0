// The time of day by the server's clock: a phone's own may be wrong by hours or, after its battery ran out, by years.

import { chinaDay } from './dates'
import { readJson, type Store } from './store'

const KEY = 'clock'

interface Kept {
  offset_ms: number
  seen_ms: number
}

export class Clock {
  private kept: Kept | null = null
  constructor(
    private store: Store,
    private device: () => number,
  ) {}

  async load(): Promise<void> {
    this.kept = await readJson<Kept>(this.store, KEY)
  }

  /** The server said what time it is: `server_ms` somewhere between the asking and the answer by the phone's clock. */
  async learn(server_ms: number, asked_ms: number, answered_ms: number): Promise<void> {
    if (!(server_ms > 0)) return
    this.kept = { offset_ms: server_ms - (asked_ms + answered_ms) / 2, seen_ms: server_ms }
    // Without it the phone's own clock serves at the next start, so that it could not be kept is no reason to stop.
    await this.store.set(KEY, JSON.stringify(this.kept)).catch(() => undefined)
  }

  /** Now by the server's clock, as far as it is known. Never before what the server itself has said it was: that is
   * how a clock shows that was put back since. */
  now(): number {
    return this.kept ? Math.max(Math.round(this.device() + this.kept.offset_ms), this.kept.seen_ms) : this.device()
  }

  today(): string {
    return chinaDay(this.now())
  }
}
