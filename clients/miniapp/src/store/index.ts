// All that pages use, and the order in which the program starts.

import { platform } from '@platform/index'
import { ref } from 'vue'
import { loadCodes } from './codes'
import { loadFeedback } from './feedback'
import { clock, followNetwork } from './ground'
import { loadHouseholds, refreshIfOld } from './households'
import { loadQueue, watchArrivals } from './queue'
import { loadSession, renew, session } from './session'
import { followTypeSize, loadSettings } from './settings'

export { about, codes, fetchCodes, word } from './codes'
export { askForAnswers, draftOf, feedback, keepDraft, sendFeedback } from './feedback'
export { network, today } from './ground'
export * from './households'
export {
  checkForm,
  discard,
  formOf,
  needsReason,
  newForm,
  queue,
  readArrivals,
  register,
  revise,
  sameDay,
  sendNow,
  wordsOf,
} from './queue'
export { agreeToPrivacy, bind, session, signIn, signOut } from './session'
export { setElder, settings } from './settings'

export const isStandIn = platform.isStandIn
/** Why this phone cannot keep things as it should; null when it can. */
export const storeProblem = ref<string | null>(null)

let started: Promise<void> | null = null

/** Everything that is on the phone has been read. Nothing of it waits for a network. */
export const ready = (): Promise<void> => (started = started || start())

async function start(): Promise<void> {
  storeProblem.value = await platform.storeProblem()
  await clock.load()
  await Promise.all([loadSettings(), loadCodes(), loadSession()])
  await Promise.all([loadQueue(), loadHouseholds(), loadFeedback()])
  await followNetwork(() => void wake())
}

/** The program came to the front, or the network is back. */
export async function wake(): Promise<void> {
  await ready()
  followTypeSize()
  await watchArrivals(() => (session.state === 'expired' ? renew() : refreshIfOld()))
}

