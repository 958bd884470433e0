// Typed calls of the server. How a request travels is handed in, so the same file serves WeChat, H5 and tests.

import { asProblem, Refused, Unreachable } from './problem'
import type { components } from './schema'

type Schemas = components['schemas']
export type VisitIn = Schemas['VisitIn']
export type VisitOut = Schemas['VisitOut']
export type VisitPage = Schemas['VisitPage']
export type Household = Schemas['SyncHouseholdOut']
export type MustVisit = Schemas['ObligationOut']
export type WithdrawReason = Schemas['WithdrawIn']['reason']
export type MustVisitIn = Schemas['MustVisitIn']
export type Colleague = Schemas['ColleagueOut']
export type Revoked = Schemas['RevokedOut']
export type SyncPage = Schemas['SyncOut']
export type HouseholdDetail = Schemas['HouseholdOut']
export type Codes = Schemas['CodesOut']
export type About = Schemas['AboutOut']
export type Me = Schemas['MeOut']
export type Token = Schemas['TokenOut']
export type FeedbackIn = Schemas['FeedbackIn']
export type FeedbackReceipt = Schemas['FeedbackReceiptOut']
export type VoidReason = Schemas['VoidIn']['reason']

export interface Request {
  method: 'GET' | 'POST' | 'DELETE'
  /** From the root of the server, with the query. */
  path: string
  body: unknown
  token: string | null
  timeout_ms: number
}
export interface Answer {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  body: unknown
}
/** Throws Unreachable when no answer came. */
export type Transport = (request: Request) => Promise<Answer>

/** Long enough for a weak signal, short enough that nobody thinks the program hangs. */
const TIMEOUT = 15_000
const BATCH_TIMEOUT = 40_000

type Query = Record<string, string | number | null | undefined>

const withQuery = (path: string, query: Query): string => {
  const parts = Object.keys(query)
    .filter((name) => query[name] !== null && query[name] !== undefined)
    .map((name) => `${name}=${encodeURIComponent(String(query[name]))}`)
  return '/api/v1' + path + (parts.length ? '?' + parts.join('&') : '')
}

export class Api {
  constructor(
    private transport: Transport,
    private token: () => string | null,
    /** The server does not know the token (any more). */
    private ended: (token: string) => void,
  ) {}

  /** The bare answer, for those who judge it themselves. Throws Unreachable. */
  async send(method: Request['method'], path: string, body: unknown = null, query: Query = {}): Promise<Answer> {
    const token = this.token()
    const timeout_ms = path === '/visits/batch' ? BATCH_TIMEOUT : TIMEOUT
    const answer = await this.transport({ method, path: withQuery(path, query), body, token, timeout_ms })
    const problem = answer.status === 401 ? asProblem(answer.body) : null
    if (token && problem && problem.code === 'session.missing') this.ended(token)
    return answer
  }

  private async call<T>(method: Request['method'], path: string, body: unknown = null, query: Query = {}): Promise<T> {
    const answer = await this.send(method, path, body, query)
    if (answer.status === 204) return null as T
    if (answer.status >= 200 && answer.status < 300 && typeof answer.body === 'object' && answer.body !== null)
      return answer.body as T
    const problem = asProblem(answer.body)
    if (problem) throw new Refused(problem)
    // A page of a hotel's network, a proxy's error: somebody answered, but not our server.
    throw new Unreachable(`answered ${answer.status} without a problem`)
  }

  signInWithWechat = (code: string) => this.call<Token>('POST', '/auth/wechat', { code })
  bind = (invite_code: string) => this.call<Token>('POST', '/auth/wechat/bind', { invite_code })
  signOut = () => this.call<null>('DELETE', '/auth/session')
  me = () => this.call<Me>('GET', '/me')
  codes = () => this.call<Codes>('GET', '/codes')
  about = () => this.call<About>('GET', '/about')
  sync = (cursor: string | null) => this.call<SyncPage>('GET', '/sync', null, { cursor })
  household = (id: string) => this.call<HouseholdDetail>('GET', `/households/${id}`)
  phoneOf = (id: string) =>
    this.call<Schemas['RevealOut']>('POST', `/households/${id}/reveal`, { fields: ['phone'], purpose: 'contact' })
  visits = (household_id: string, limit: number) =>
    this.call<VisitPage>('GET', '/visits', null, { household_id, limit })
  voidVisit = (id: string, reason: VoidReason) => this.call<VisitOut>('POST', `/visits/${id}/void`, { reason })
  sendFeedback = (body: FeedbackIn) => this.call<FeedbackReceipt>('POST', '/feedback', body)
  feedback = (id: string) => this.call<FeedbackReceipt>('GET', `/feedback/${id}`)
  withdrawMustVisit = (id: string, reason: WithdrawReason) =>
    this.call<Schemas['MustVisitOut']>('POST', `/must-visits/${id}/withdraw`, { reason })
  raiseMustVisit = (form: MustVisitIn) => this.call<Schemas['MustVisitOut']>('POST', '/must-visits', form)
}
