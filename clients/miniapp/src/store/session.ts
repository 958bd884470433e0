// Who is signed in on this phone. The person stays known when the token ends, so that work goes on and what is written
// waits; another person's sign-in takes the first one's copy off the phone, but not what they have not yet sent.

import type { Me, Token } from '@core/api'
import { instantMs } from '@core/dates'
import { Unreachable } from '@core/problem'
import { platform } from '@platform/index'
import { reactive, readonly } from 'vue'
import { api, bearer, cache, clock, read, store, visitQueue } from './ground'

export type SessionState = 'starting' | 'out' | 'unbound' | 'in' | 'expired'

interface Kept {
  token: string | null
  expires_ms: number
  me: Me | null
  /** Since when there is a person and no token. */
  ended_ms: number | null
}

const KEY = 'session'
const PRIVACY = 'privacy'
/** Keys that hold data of households or persons; visits not yet sent and feedback have their own rules. */
const PERSONAL = /^(session|copy|history:.*)$/
/** After a session ended the copy stays for so long; after the last synchronising in any case. */
export const EXPIRED_DAYS = 7
export const COPY_DAYS = 30
const DAY = 24 * 3600 * 1000

interface Session {
  state: SessionState
  me: Me | null
  agreed: boolean
}

const state = reactive({ state: 'starting', me: null, agreed: false }) as Session
let kept: Kept | null = null

export const session = readonly(state) as Readonly<Session>

/** Set by those who show somebody's data: somebody came, or is no longer here. */
export const onPerson = { came: [] as (() => Promise<void>)[], left: [] as (() => void | Promise<void>)[] }

/** Whose visits and households these are. */
export const owner = (): string | null => (state.me ? state.me.person_id || state.me.account_id : null)

export async function loadSession(): Promise<void> {
  state.agreed = (await read<boolean>(PRIVACY)) === true
  kept = await read<Kept>(KEY)
  if (kept && kept.token && kept.expires_ms <= clock.now()) kept = { ...kept, token: null, ended_ms: kept.expires_ms }
  if (kept && kept.ended_ms !== null && clock.now() - kept.ended_ms > EXPIRED_DAYS * DAY) kept = null
  // Also after a sign-out that was cut short: without a person nothing personal stays.
  if (!kept) await wipePersonal()
  show()
}

function show(): void {
  bearer.token = kept ? kept.token : null
  state.me = kept ? kept.me : null
  state.state = !kept ? 'out' : !kept.token ? 'expired' : kept.me ? 'in' : 'unbound'
}

async function keep(next: Kept): Promise<void> {
  kept = next
  show()
  await cache(KEY, next)
}

export async function agreeToPrivacy(): Promise<void> {
  state.agreed = true
  await cache(PRIVACY, true)
}

/** Sign in; afterwards `session.state` is `in`, or `unbound` for a WeChat that is nobody yet. Throws. */
export async function signIn(standInCode = ''): Promise<void> {
  const code = await platform.loginCode(standInCode)
  await adopt(await api.signInWithWechat(code))
}

/** Bind this WeChat to the person who was invited. Throws. */
export async function bind(inviteCode: string): Promise<void> {
  await adopt(await api.bind(inviteCode))
}

async function adopt(token: Token): Promise<void> {
  const before = kept
  const expires_ms = instantMs(token.expires_at)
  if (!token.bound) {
    await leave()
    await keep({ token: token.token, expires_ms, me: null, ended_ms: null })
    return
  }
  bearer.token = token.token
  let me: Me
  try {
    me = await api.me()
  } catch (error) {
    bearer.token = before ? before.token : null
    throw error
  }
  const isSame = before !== null && before.me !== null && before.me.account_id === me.account_id
  if (!isSame) await leave()
  await keep({ token: token.token, expires_ms, me, ended_ms: null })
  for (const hear of onPerson.came) await hear()
}

/** Take the present person's data off the phone, except visits that are not yet sent. */
async function leave(): Promise<void> {
  await wipePersonal()
  for (const hear of onPerson.left) await hear()
}

async function wipePersonal(): Promise<void> {
  for (const key of await store.keys()) if (PERSONAL.test(key)) await store.remove(key)
}

let renewing: Promise<void> | null = null

/** The server does not know the token any more. WeChat gives a new login code without asking, so try that once; in a
 * browser, and when it fails, the person signs in. */
bearer.ended = (token) => {
  if (!kept || kept.token !== token) return
  void keep({ ...kept, token: null, ended_ms: clock.now() })
  void renew()
}

export function renew(): Promise<void> {
  if (platform.isStandIn || !state.agreed) return Promise.resolve()
  const done = () => {
    renewing = null
  }
  if (!renewing) {
    renewing = signIn().catch(() => undefined)
    void renewing.then(done)
  }
  return renewing
}

export type SignedOut = { done: true } | { done: false; waiting: number }

/** Sign out and wipe the phone. With visits that were not sent it does nothing, unless they are to be discarded. */
export async function signOut({ discard }: { discard: boolean }): Promise<SignedOut> {
  const whose = owner()
  const unsent = whose ? visitQueue.of(whose).filter((item) => item.state !== 'sent') : []
  if (unsent.length && !discard) return { done: false, waiting: unsent.length }
  // Without an answer the token still goes from the phone, and nobody else has it.
  await api.signOut().catch((error: unknown) => {
    if (!(error instanceof Unreachable)) return null
  })
  if (whose) await visitQueue.forget(whose)
  kept = null
  await leave()
  show()
  return { done: true }
}
