// What an answer means for a visit. Only our server can accept or return one: its answer to a visit it has names the
// visit, and its refusal is a problem. Anything else came from something in between, so the visit waits.

import type { Answer, VisitOut } from './api'
import { asProblem, type Problem } from './problem'

/** Why a visit has not been sent: never tried, no answer, signed out, the server asked to wait, or the server failed. */
export type Why = 'new' | 'offline' | 'sign_in' | 'busy' | 'server'

export type Outcome =
  | { kind: 'sent'; voided: boolean; stop: false }
  | { kind: 'returned'; problem: Problem; stop: false }
  /** `stop`: there is no use in sending the next one now. */
  | { kind: 'later'; why: Why; after_s: number | null; stop: boolean }

export const noAnswer: Outcome = { kind: 'later', why: 'offline', after_s: null, stop: true }
export const serverFailed: Outcome = { kind: 'later', why: 'server', after_s: null, stop: false }

/** What an answer means for the visit of this id. */
export function judged(answer: Answer, id: string): Outcome {
  const { status, body } = answer
  if (status === 200 || status === 201) {
    const visit = body as Partial<VisitOut> | null
    if (typeof visit === 'object' && visit !== null && visit.client_id === id)
      return { kind: 'sent', voided: visit.state === 'voided', stop: false }
    return serverFailed
  }
  if (status === 429 || status === 503) {
    const after_s = secondsOf(answer)
    return { kind: 'later', why: after_s === null ? 'server' : 'busy', after_s, stop: true }
  }
  const problem = asProblem(body)
  if (!problem) return serverFailed
  if (status === 401 || problem.code === 'session.not_bound')
    return { kind: 'later', why: 'sign_in', after_s: null, stop: true }
  if (status < 400 || status >= 500 || status === 408 || status === 425) return serverFailed
  return { kind: 'returned', problem, stop: false }
}

/** What the answer to a batch says about each of its visits, in their order; null when it is no answer to a batch. */
export function judgedEach(answer: Answer, ids: string[]): Outcome[] | null {
  const results = answer.status === 200 ? (answer.body as { results?: unknown } | null)?.results : null
  if (!Array.isArray(results)) return null
  return ids.map((id) => {
    const row = results.filter((one) => one && one.client_id === id && typeof one.status === 'number')[0]
    return row ? judged({ status: row.status, headers: {}, body: row.visit || row.problem }, id) : serverFailed
  })
}

function secondsOf(answer: Answer): number | null {
  const text = answer.headers['retry-after'] || ''
  return /^\d{1,6}$/.test(text) ? Math.max(1, Number(text)) : null
}
