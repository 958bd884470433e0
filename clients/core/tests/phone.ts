// A phone, a server and chance for the tests: all of them fail on command.

import type { Answer, VisitIn } from '../api'
import { StorageFailed, type Store } from '../store'

/** The power went: nothing after this runs on that phone. */
export class Killed extends Error {}

/** A storage that outlives the program. Before its `dies`-th write from now the phone is switched off, or just after. */
export class Flash implements Store {
  readonly values = new Map<string, string>()
  full = false
  writes = 0
  private dies = Infinity
  private keepsLast = false
  private dead = false

  /** Switch the phone on again, to be killed at a write to come; `keepsLast`: that write still reaches the storage. */
  restart(dies = Infinity, keepsLast = false): void {
    Object.assign(this, { dies, keepsLast, dead: false })
  }

  get isOff(): boolean {
    return this.dead
  }

  private write(change: () => void): void {
    if (this.dead) throw new Killed()
    this.writes++
    if (--this.dies > 0) return change()
    if (this.keepsLast) change()
    this.dead = true
    throw new Killed()
  }

  async keys(): Promise<string[]> {
    if (this.dead) throw new Killed()
    return Array.from(this.values.keys())
  }
  async get(key: string): Promise<string | null> {
    if (this.dead) throw new Killed()
    const value = this.values.get(key)
    return value === undefined ? null : value
  }
  async set(key: string, value: string): Promise<void> {
    if (this.full) throw new StorageFailed(true)
    this.write(() => this.values.set(key, value))
  }
  async remove(key: string): Promise<void> {
    this.write(() => this.values.delete(key))
  }
}

/** The same numbers for the same seed (mulberry32), so that a failure can be repeated. */
export function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export const problem = (status: number, code: string, detail = '不行。', errors: Record<string, string[]> = {}) => ({
  type: `urn:lianhu:problem:${code}`,
  title: '题',
  status,
  code,
  detail,
  errors,
  request_id: 'r',
})

export const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers,
  body,
})

/** A server that keeps visits as ours does: the same again is 200, the same id with another content 409. */
export class Server {
  readonly kept = new Map<string, string>()
  readonly calls: string[] = []
  /** Puts something in the place of an answer; what it returns undefined for goes on as usual. */
  before: (path: string) => Answer | 'lost before' | 'lost after' | undefined = () => undefined
  refuses = new Map<string, ReturnType<typeof problem>>()

  one(visit: VisitIn): Answer {
    const refused = this.refuses.get(visit.client_id)
    if (refused) return answer(refused.status, refused)
    const content = JSON.stringify(visit)
    const known = this.kept.get(visit.client_id)
    if (known !== undefined && known !== content) return answer(409, problem(409, 'visits.id_reused'))
    this.kept.set(visit.client_id, content)
    return answer(known === undefined ? 201 : 200, { ...visit, id: visit.client_id, state: 'recorded' })
  }

  post = async (path: string, body: unknown): Promise<Answer> => {
    this.calls.push(path)
    const instead = this.before(path)
    if (instead === 'lost before') throw new Error('no network')
    if (instead !== undefined && instead !== 'lost after') return instead
    const done = path === '/visits' ? this.one(body as VisitIn) : this.many((body as { visits: VisitIn[] }).visits)
    if (instead === 'lost after') throw new Error('the answer was lost')
    return done
  }

  private many(visits: VisitIn[]): Answer {
    const results = visits.map((visit, index) => {
      const { status, body } = this.one(visit)
      const isTaken = status < 300
      const row = { index, client_id: visit.client_id, status }
      return { ...row, visit: isTaken ? body : null, problem: isTaken ? null : body }
    })
    return answer(200, { results })
  }
}

export const visit = (id: string, more: Partial<VisitIn> = {}): VisitIn => ({
  client_id: id,
  household_id: 'h1',
  occurred_on: '2026-11-21',
  noted_at: '2026-11-21T10:00:00+08:00',
  mode: 'in_person',
  outcome: 'met',
  topics: ['nothing_new'],
  note: null,
  companion_ids: [],
  ...more,
})
