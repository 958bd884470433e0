// A registered visit on this phone, with all there is to say about its way.

import type { VisitIn } from './api'
import type { Why } from './judge'
import type { Problem } from './problem'

export interface Item {
  /** Exactly what is sent. After it was sent only what the server requires of a visit: no note, no companion. */
  visit: VisitIn
  /** The person who registered it; nobody else's sign-in sends it. */
  owner: string
  state: 'waiting' | 'returned' | 'sent'
  noted_ms: number
  tries: number
  tried_ms: number | null
  why: Why | null
  retry_ms: number | null
  /** What the server said against it. */
  problem: Problem | null
  sent_ms: number | null
  /** The server knows it as voided. */
  voided: boolean
}

/** A visit that was just registered. */
export const fresh = (owner: string, visit: VisitIn, now: number): Item => ({
  visit,
  owner,
  state: 'waiting',
  noted_ms: now,
  tries: 0,
  tried_ms: null,
  why: 'new',
  retry_ms: null,
  problem: null,
  sent_ms: null,
  voided: false,
})

/** Only what the server requires of a visit: all that the phone keeps of one that was sent. */
export const required = (visit: VisitIn): VisitIn => ({
  client_id: visit.client_id,
  household_id: visit.household_id,
  occurred_on: visit.occurred_on,
  noted_at: visit.noted_at,
  mode: visit.mode,
  outcome: visit.outcome,
})

/** What a key holds as an item; null for what is not one. */
export function parsed(text: string | null): Item | null {
  try {
    const item = JSON.parse(text || '') as Item
    return typeof item.owner === 'string' && typeof item.visit.client_id === 'string' && 'state' in item ? item : null
  } catch {
    return null
  }
}
