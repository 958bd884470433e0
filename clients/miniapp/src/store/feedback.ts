// Feedback: the one being written, and those that were sent with what became of them. It may be written by nobody: what
// was written while nobody was signed in stays until somebody signs in, is theirs from then on, and goes with them.

import type { FeedbackReceipt } from '@core/api'
import { feedbackOf, isWritten, newFeedback, type FeedbackForm } from '@core/feedback'
import { instantMs } from '@core/dates'
import { Refused, Unreachable } from '@core/problem'
import { uuid4 } from '@core/uuid'
import { platform } from '@platform/index'
import { reactive, readonly } from 'vue'
import { api, cache, read, store } from './ground'
import { onPerson, owner } from './session'

export interface SentFeedback {
  /** The only key to the answer; it never leaves this phone but to ask for it. */
  id: string
  number: string
  kind: string
  text: string
  state: string
  sent_ms: number
  answer: string | null
}

interface Kept {
  owner: string | null
  draft: FeedbackForm | null
  /** Newest first. */
  sent: SentFeedback[]
}

const KEY = 'feedback'
const SENT_MOST = 20

const empty = (): Kept => ({ owner: null, draft: null, sent: [] })
const state = reactive(empty()) as Kept
export const feedback = readonly(state) as { readonly sent: readonly SentFeedback[] }

const text = (): string => JSON.stringify(state)

export async function loadFeedback(): Promise<void> {
  Object.assign(state, empty(), await read<Kept>(KEY))
  // Also after a sign-out that was cut short: what somebody wrote does not stay without them.
  if (state.owner !== null && state.owner !== owner()) await wipe()
  else await adopt()
}

async function adopt(): Promise<void> {
  const whose = owner()
  if (whose === null || state.owner === whose) return
  state.owner = whose
  if (state.draft || state.sent.length) await cache(KEY, state)
}

async function wipe(): Promise<void> {
  Object.assign(state, empty())
  await store.remove(KEY)
}

onPerson.came.push(adopt)
onPerson.left.push(async () => {
  if (state.owner !== null) await wipe()
})

/** What is being written, as it was kept; a fresh form when there is nothing. */
export const draftOf = (): FeedbackForm =>
  state.draft ? { ...state.draft } : newFeedback(uuid4(platform.randomBytes))

/** Keep what is being written. Throws when it was not kept. */
export async function keepDraft(form: FeedbackForm): Promise<void> {
  const draft = isWritten(form) ? { ...form } : null
  if (JSON.stringify(draft) === JSON.stringify(state.draft)) return
  state.draft = draft
  await store.set(KEY, text())
}

/** Send it; afterwards it stands among those sent. Throws, and then the draft stays as it is. */
export async function sendFeedback(form: FeedbackForm): Promise<SentFeedback> {
  const receipt = await api.sendFeedback(feedbackOf(form)).catch((error: unknown) => {
    // An earlier wording arrived without our hearing of it: this one is another.
    if (!(error instanceof Refused) || error.problem.code !== 'request.client_id_reused') throw error
    return api.sendFeedback(feedbackOf({ ...form, client_id: uuid4(platform.randomBytes) }))
  })
  const sent = { ...known(receipt), kind: receipt.kind, text: feedbackOf(form).text }
  state.draft = null
  state.sent = [sent, ...state.sent].slice(0, SENT_MOST)
  await cache(KEY, state)
  return sent
}

const known = (receipt: FeedbackReceipt) => ({
  id: receipt.id,
  number: receipt.number,
  state: receipt.state,
  sent_ms: instantMs(receipt.sent_at),
  answer: receipt.answer,
})

/** Ask what became of those without an answer. Never throws: without a network the old state stays. */
export async function askForAnswers(): Promise<void> {
  const open = state.sent.filter((one) => one.answer === null)
  try {
    for (const one of open) {
      const receipt = await api.feedback(one.id).catch((error: unknown) => {
        if (error instanceof Refused) return null
        throw error
      })
      if (receipt) state.sent = state.sent.map((old) => (old.id === one.id ? { ...old, ...known(receipt) } : old))
    }
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
  }
  if (open.length) await cache(KEY, state)
}
