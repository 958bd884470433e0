// Registered visits on their way to the server. A visit is kept on the phone before its form closes, and stays until the
// server has judged it. It is sent at least once: its id was made with the form, so sending it again changes nothing.
//
// Each visit has a key of its own and says all about itself, so there is nothing between two writes that being killed
// there could break.

import type { Answer, VisitIn } from './api'
import { fresh, parsed, required, type Item } from './item'
import { judged, judgedEach, noAnswer, type Outcome } from './judge'
import type { Store } from './store'

export type { Item } from './item'

export interface Report {
  sent: number
  returned: number
  left: number
}

/** Sends a body to a path below the API. Throws when no answer came. */
export type Post = (path: string, body: unknown) => Promise<Answer>

const PREFIX = 'visit:'
const BATCH = 50
const SECOND = 1000
const FIRST_WAIT = 5 * SECOND
const LONGEST_WAIT = 300 * SECOND
/** So many failures of the server in a row are no longer the fault of one visit. */
const FAILURES = 3

export class VisitQueue {
  /** Entries that are there and cannot be read. They are never deleted. */
  damaged = 0
  private items = new Map<string, Item>()
  private adding = new Map<string, Promise<Item>>()
  private flight = new Set<string>()
  private running: Promise<Report> | null = null
  /** Whose visits to try once more when the present round is over. */
  private again: string | null = null

  constructor(
    private store: Store,
    private post: Post,
    private now: () => number,
    private changed: () => void = () => undefined,
  ) {}

  async load(): Promise<void> {
    const items = new Map<string, Item>()
    let damaged = 0
    for (const key of await this.store.keys()) {
      if (key.indexOf(PREFIX) !== 0) continue
      const item = parsed(await this.store.get(key))
      if (item && PREFIX + item.visit.client_id === key) items.set(item.visit.client_id, item)
      else damaged++
    }
    this.items = items
    this.damaged = damaged
    this.changed()
  }

  /** Somebody's visits: what needs a hand, what waits, then what was sent, newest first. */
  of(owner: string): Item[] {
    const order = { returned: 0, waiting: 1, sent: 2 }
    return this.all()
      .filter((item) => item.owner === owner)
      .sort((a, b) => order[a.state] - order[b.state] || b.noted_ms - a.noted_ms)
  }

  /** How many unsent visits of other people are on this phone. */
  others(owner: string | null): number {
    return this.all().filter((item) => item.owner !== owner && item.state !== 'sent').length
  }

  get sending(): boolean {
    return this.running !== null
  }

  /** Keep a visit; done once it is stored. Adding it again gives the same one. Throws StorageFailed. */
  add(owner: string, visit: VisitIn): Promise<Item> {
    const id = visit.client_id
    const known = this.items.get(id)
    if (known) return Promise.resolve(known)
    const before = this.adding.get(id)
    if (before) return before
    const adding = this.keep(fresh(owner, visit, this.now()))
    const done = () => void this.adding.delete(id)
    this.adding.set(id, adding)
    adding.then(done, done)
    return adding
  }

  /** A returned visit, put right: it waits again, under its id, which the server has not taken; or under a new one, if
   * the id itself was the trouble. Throws StorageFailed; then the returned one is still there. */
  async revise(id: string, visit: VisitIn): Promise<Item> {
    const old = this.items.get(id)
    if (!old || old.state !== 'returned') throw new Error('only a returned visit is revised')
    const item = await this.keep(fresh(old.owner, visit, this.now()))
    if (visit.client_id !== id) await this.drop(id)
    return item
  }

  /** Take a visit off the phone. False when it may have reached the server: then it can only be voided there. */
  async discard(id: string): Promise<boolean> {
    const item = this.items.get(id)
    if (!item) return true
    if (this.flight.has(id) || (item.state === 'waiting' && item.tries > 0)) return false
    await this.drop(id)
    return true
  }

  /** The server voided a visit: what is kept here of having sent it says so, too. */
  async markVoided(id: string): Promise<void> {
    const item = this.items.get(id)
    if (item && item.state === 'sent') await this.keep({ ...item, voided: true })
  }

  /** Forget all of somebody, also what was never sent: they said so, signing out. */
  async forget(owner: string): Promise<void> {
    for (const item of this.of(owner)) await this.drop(item.visit.client_id)
  }

  /** Forget what was sent before an instant. */
  async prune(before_ms: number): Promise<void> {
    for (const item of this.all())
      if (item.state === 'sent' && (item.sent_ms || 0) < before_ms) await this.drop(item.visit.client_id)
  }

  /** When it is worth trying again for somebody; null when nothing waits. */
  nextTry(owner: string): number | null {
    const waiting = this.all().filter((item) => item.owner === owner && item.state === 'waiting')
    if (!waiting.length) return null
    return Math.min(...waiting.map((item) => this.retryOf(item) || 0))
  }

  /** Send what waits, oldest first. `now`: also what is to be tried later only because it failed; what the server asked
   * to wait for waits. Calls at the same time are one, and what is added meanwhile goes along. A call with `now` during a
   * round makes another one follow: the network may have come back since that round met its absence. */
  flush(owner: string, now = false): Promise<Report> {
    if (!this.running) {
      const done = () => {
        this.running = null
        this.changed()
      }
      this.running = this.rounds(owner, now)
      this.running.then(done, done)
      this.changed()
    } else if (now) this.again = owner
    return this.running
  }

  private async rounds(owner: string, now: boolean): Promise<Report> {
    const report = await this.round(owner, now)
    while (this.again === owner) {
      this.again = null
      const next = await this.round(owner, true)
      report.sent += next.sent
      report.returned += next.returned
      report.left = next.left
    }
    return report
  }

  private async round(owner: string, now: boolean): Promise<Report> {
    const tried = new Set<string>()
    const next = () =>
      this.all()
        .filter((item) => item.owner === owner && item.state === 'waiting' && !tried.has(item.visit.client_id))
        .filter((item) => this.isDue(item, now))
        .sort((a, b) => a.noted_ms - b.noted_ms)
        .slice(0, BATCH)
    for (let due = next(); due.length; due = next()) {
      for (const item of due) tried.add(item.visit.client_id)
      if (!(await this.send(due))) break
    }
    const mine = this.all().filter((item) => item.owner === owner)
    const count = (state: Item['state']) =>
      mine.filter((item) => item.state === state && tried.has(item.visit.client_id)).length
    return { sent: count('sent'), returned: count('returned'), left: mine.filter((i) => i.state === 'waiting').length }
  }

  private retryOf(item: Item): number | null {
    // A time further away than the longest wait is of a clock that was changed since.
    return item.retry_ms !== null && item.retry_ms - this.now() <= LONGEST_WAIT ? item.retry_ms : null
  }

  private isDue(item: Item, now: boolean): boolean {
    const retry_ms = this.retryOf(item)
    return retry_ms === null || retry_ms <= this.now() || (now && item.why !== 'busy')
  }

  /** Send some visits; false when there is no use in going on. */
  private async send(items: Item[]): Promise<boolean> {
    for (const item of items) this.flight.add(item.visit.client_id)
    try {
      return items.length > 1 ? await this.sendTogether(items) : !(await this.sendOne(items[0])).stop
    } finally {
      for (const item of items) this.flight.delete(item.visit.client_id)
    }
  }

  private async sendOne(item: Item): Promise<Outcome> {
    const answer = await this.post('/visits', item.visit).catch(() => null)
    const outcome = answer ? judged(answer, item.visit.client_id) : noAnswer
    await this.settle(item, outcome)
    return outcome
  }

  private async sendTogether(items: Item[]): Promise<boolean> {
    const answer = await this.post('/visits/batch', { visits: items.map((item) => item.visit) }).catch(() => null)
    const ids = items.map((item) => item.visit.client_id)
    const each = answer && judgedEach(answer, ids)
    const whole = answer ? judged(answer, '') : noAnswer
    if (each || whole.stop) {
      const outcomes = each || ids.map(() => whole)
      for (let i = 0; i < items.length; i++) await this.settle(items[i], outcomes[i])
      return !outcomes.some((outcome) => outcome.stop)
    }
    // Whatever is wrong with the batch as a whole says nothing about each visit.
    let failures = 0
    for (const item of items) {
      const outcome = await this.sendOne(item)
      failures = outcome.kind === 'later' ? failures + 1 : 0
      if (outcome.stop || failures >= FAILURES) return false
    }
    return true
  }

  private async settle(item: Item, outcome: Outcome): Promise<void> {
    if (!this.items.has(item.visit.client_id)) return // Taken off the phone meanwhile.
    const now = this.now()
    const next: Item = { ...item, tries: item.tries + 1, tried_ms: now, why: null, retry_ms: null, problem: null }
    if (outcome.kind === 'sent') {
      Object.assign(next, { state: 'sent', sent_ms: now, voided: outcome.voided, visit: required(item.visit) })
    } else if (outcome.kind === 'returned') {
      Object.assign(next, { state: 'returned', problem: outcome.problem })
    } else {
      next.why = outcome.why
      const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * Math.pow(2, Math.min(item.tries, 10)))
      const after = outcome.after_s === null ? wait : Math.min(LONGEST_WAIT, outcome.after_s * SECOND)
      next.retry_ms = outcome.why === 'sign_in' ? null : now + after
    }
    this.items.set(item.visit.client_id, next)
    // What is stored is behind then: at the next start the visit is sent once more, and the server says it has it.
    await this.write(next).catch(() => undefined)
    this.changed()
  }

  private async keep(item: Item): Promise<Item> {
    await this.write(item)
    this.items.set(item.visit.client_id, item)
    this.changed()
    return item
  }

  private async drop(id: string): Promise<void> {
    await this.store.remove(PREFIX + id)
    this.items.delete(id)
    this.changed()
  }

  private write(item: Item): Promise<void> {
    return this.store.set(PREFIX + item.visit.client_id, JSON.stringify(item))
  }

  private all(): Item[] {
    const items: Item[] = []
    this.items.forEach((item) => items.push(item))
    return items
  }
}
