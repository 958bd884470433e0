// The phone's copy of one's own households, kept in step with the server by GET /sync (docs/rules.md Y1, Y2).

import type { Api, Colleague, Household, MustVisit, Revoked, SyncPage } from './api'
import type { Clock } from './clock'
import { instantMs } from './dates'
import { Unreachable } from './problem'
import { readJson, type Store } from './store'

/** What was taken from the copy; the reason only where the server still says it. */
export type Taken = Pick<Revoked, 'household_id' | 'successor_id'> & { on: string | null; reason: string | null }

export interface Copy {
  owner: string
  households: Household[]
  must_visits: MustVisit[]
  colleagues: Colleague[]
  /** Taken away and not yet read about. No name: it is nobody's of ours any more. */
  taken: Taken[]
  cursor: string | null
  /** When it last was as the server has it; null before the first time. */
  synced_ms: number | null
}

export const emptyCopy = (owner: string): Copy => ({
  owner,
  households: [],
  must_visits: [],
  colleagues: [],
  taken: [],
  cursor: null,
  synced_ms: null,
})

/** The copy after one page, in the order that the server asks for. */
export function applied(copy: Copy, page: SyncPage): Copy {
  const isRevoked = (id: string) => page.revoked.some((one) => one.household_id === id)
  const isSent = (id: string) => page.households.some((one) => one.id === id)
  const stays = (id: string) => !page.full && !isRevoked(id) && !isSent(id)
  return {
    ...copy,
    households: copy.households.filter((one) => stays(one.id)).concat(page.households),
    must_visits: copy.must_visits.filter((one) => stays(one.household_id)).concat(page.obligations),
    colleagues: page.colleagues || copy.colleagues,
    cursor: page.cursor,
  }
}

/** What the copy held before and does not hold after, with the reasons that were given on the way. */
export function takenBetween(before: Copy, after: Copy, revoked: Revoked[]): Taken[] {
  return before.households
    .filter((old) => !after.households.some((one) => one.id === old.id))
    .map(({ id }) => {
      const said = revoked.filter((one) => one.household_id === id)[0]
      return said
        ? { household_id: id, on: said.on, reason: said.reason, successor_id: said.successor_id }
        : { household_id: id, on: null, reason: null, successor_id: null }
    })
}

export const COPY_KEY = 'copy'
/** Far more than any person's households fill; a server that never says `more: false` must not hold the phone. */
const MOST_PAGES = 1000

export class Synchroniser {
  private running: Promise<Copy | null> | null = null

  constructor(
    private store: Store,
    private api: Pick<Api, 'sync'>,
    private clock: Clock,
    private device: () => number,
  ) {}

  /** The copy on the phone; null when there is none. */
  read(): Promise<Copy | null> {
    return readJson<Copy>(this.store, COPY_KEY)
  }

  /** Bring a copy up to date and keep it. All pages or none: cursor and households are one value of the storage, so a
   * phone switched off in between has the old copy whole. Null when it is no longer wanted: somebody signed out
   * meanwhile. Throws Refused, Unreachable, StorageFailed. */
  run(copy: Copy, isWanted: () => boolean): Promise<Copy | null> {
    if (!this.running) {
      const done = () => {
        this.running = null
      }
      this.running = this.follow(copy, isWanted)
      this.running.then(done, done)
    }
    return this.running
  }

  private async follow(before: Copy, isWanted: () => boolean): Promise<Copy | null> {
    let copy = before
    let synced_ms: number | null = null
    const revoked: Revoked[] = []
    for (let pages = 0; ; pages++) {
      if (pages === MOST_PAGES) throw new Unreachable('an answer without an end')
      const asked_ms = this.device()
      const page = await this.api.sync(copy.cursor)
      await this.clock.learn(instantMs(page.server_time), asked_ms, this.device())
      // What is sent to the server from here on may be missing in this answer.
      if (synced_ms === null) synced_ms = instantMs(page.server_time)
      revoked.push(...page.revoked)
      copy = applied(copy, page)
      if (!page.more) break
    }
    copy = { ...copy, taken: before.taken.concat(takenBetween(before, copy, revoked)), synced_ms }
    if (!isWanted()) return null
    await this.keep(copy)
    return copy
  }

  keep(copy: Copy): Promise<void> {
    return this.store.set(COPY_KEY, JSON.stringify(copy))
  }
}
