/** Who is signed in. The token lives in this tab alone (sessionStorage) and ends with it, or when the server says so. */
import { computed, reactive } from 'vue'
import type { Me, Token } from './types'

const KEY = 'lianhu.console.session'
/** setTimeout takes no more than 31 bits of milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1

interface Session {
  token: string | null
  expiresAt: string | null
  me: Me | null
  /** Why the last session ended, for the sign-in page. */
  notice: string | null
}

export const session = reactive<Session>({ token: null, expiresAt: null, me: null, notice: null })
let ended: () => unknown = () => undefined
let timer: ReturnType<typeof setTimeout> | undefined

/** Take up the session of this tab; `whenEnded` leads to the sign-in page. */
export function resumeSession(whenEnded: () => unknown): void {
  ended = whenEnded
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as { token: string; expiresAt: string } | null
    if (kept && Date.parse(kept.expiresAt) > Date.now()) open(kept.token, kept.expiresAt)
  } catch {
    sessionStorage.removeItem(KEY)
  }
}

export function startSession(token: Token): void {
  sessionStorage.setItem(KEY, JSON.stringify({ token: token.token, expiresAt: token.expires_at }))
  session.notice = null
  session.me = null
  open(token.token, token.expires_at)
}

function open(token: string, expiresAt: string): void {
  session.token = token
  session.expiresAt = expiresAt
  clearTimeout(timer)
  const left = Math.min(Date.parse(expiresAt) - Date.now(), LONGEST_WAIT)
  timer = setTimeout(() => endSession('登录已过期，请重新登录。'), left)
}

/** Forget the session and everything of it. */
export function endSession(notice: string | null): void {
  clearTimeout(timer)
  sessionStorage.removeItem(KEY)
  Object.assign(session, { token: null, expiresAt: null, me: null, notice })
  ended()
}

export const roles = computed(() => new Set(session.me?.roles.map((one) => one.role) ?? []))
export const may = computed(() => (verb: string) => session.me?.verbs.includes(verb) ?? false)
export const mayReadFigures = computed(() => may.value('coverage.read'))
/** Whoever answers feedback; the same roles hold both verbs. */
export const answersFeedback = computed(() => may.value('feedback.answer'))
/** Whoever sees households without saying for what. */
export const seesHouseholds = computed(() =>
  ['branch_secretary', 'area_cadre', 'organization_office'].some((role) => roles.value.has(role)),
)
/** The committee alone says for what it looks at households (docs/rules.md F5). */
export const looksForPurpose = computed(() => roles.value.has('township_committee') && !seesHouseholds.value)
/** Whoever enters visits for members: the secretary of a branch. */
export const keepsBranch = computed(() => roles.value.has('branch_secretary'))
