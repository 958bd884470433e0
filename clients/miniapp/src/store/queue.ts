// What was registered on this phone and where it is on its way.

import type { VisitForm } from '@core/form'
import * as forms from '@core/form'
import type { Item, Report } from '@core/queue'
import { uuid4 } from '@core/uuid'
import * as words from '@core/words'
import { platform } from '@platform/index'
import { reactive, readonly } from 'vue'
import { clock, network, onQueue, today, visitQueue } from './ground'
import { owner, session } from './session'

const SENT_DAYS = 14
const DAY = 24 * 3600 * 1000
/** A timer never fires sooner than this, whatever the clock says. */
const LEAST_WAIT = 2000

interface QueueState {
  items: readonly Item[]
  waiting: number
  returned: number
  /** Unsent visits of other people on this phone. */
  others: number
  damaged: number
  sending: boolean
  /** How many of those that waited for a network have arrived since it came back; until it was read. */
  arrived: number
}

const state = reactive({ items: [], waiting: 0, returned: 0, others: 0, damaged: 0, sending: false, arrived: 0 }) as QueueState
export const queue = readonly(state) as Readonly<QueueState>

/** Set by the households: what was sent shows there after synchronising. */
export const onSent = { follow: (): void => undefined }

export function showQueue(): void {
  const whose = owner()
  state.items = whose ? visitQueue.of(whose) : []
  state.waiting = state.items.filter((item) => item.state === 'waiting').length
  state.returned = state.items.filter((item) => item.state === 'returned').length
  state.others = visitQueue.others(whose)
  state.damaged = visitQueue.damaged
  state.sending = visitQueue.sending
}
onQueue.changed = showQueue

export async function loadQueue(): Promise<void> {
  await visitQueue.load()
  await visitQueue.prune(clock.now() - SENT_DAYS * DAY)
  showQueue()
}

let timer: ReturnType<typeof setTimeout> | null = null

/** Try again by itself when it is time, for as long as the program is open. */
function planNext(): void {
  if (timer !== null) clearTimeout(timer)
  timer = null
  const whose = owner()
  const at = whose === null ? null : visitQueue.nextTry(whose)
  if (at === null || !network.online || session.state !== 'in') return
  timer = setTimeout(() => void sendWaiting(false), Math.max(LEAST_WAIT, at - clock.now()))
}

/** Send what waits. `now`: also what would be tried later. `follows`: synchronising comes next anyway. */
export async function sendWaiting(now: boolean, follows = false): Promise<Report> {
  const whose = owner()
  if (!whose || session.state !== 'in' || !network.online) return { sent: 0, returned: 0, left: state.waiting }
  const report = await visitQueue.flush(whose, now)
  planNext()
  if (report.sent && !follows) onSent.follow()
  return report
}

/** What waits, tried when the network is back: the reader is told what became of it. */
export async function watchArrivals(woken: () => Promise<void>): Promise<void> {
  const before = state.waiting
  const returned = state.returned
  await woken()
  state.arrived = Math.max(0, before - state.waiting - (state.returned - returned))
}

export const readArrivals = (): void => {
  state.arrived = 0
}

/** 立即上传. */
export const sendNow = (): Promise<Report> => sendWaiting(true)

export const newForm = (household_id: string): VisitForm =>
  forms.newForm(uuid4(platform.randomBytes), household_id, today())

export const checkForm = (form: VisitForm): Record<string, string[]> => forms.checkForm(form, today())
export const needsReason = (form: VisitForm): boolean => forms.needsReason(form, today())

/** Visits of the same household and day that this phone already has. */
export const sameDay = (form: VisitForm): readonly Item[] =>
  state.items.filter(
    ({ visit, voided }) =>
      !voided &&
      visit.household_id === form.household_id &&
      visit.occurred_on === form.occurred_on &&
      visit.client_id !== form.client_id,
  )

/** Keep a visit on the phone; sending it follows by itself. Throws when it was not kept. */
export async function register(form: VisitForm): Promise<Item> {
  const whose = owner()
  if (!whose) throw new Error('nobody is signed in')
  const item = await visitQueue.add(whose, forms.visitOf(form, clock.now()))
  void sendWaiting(true)
  return item
}

/** A returned visit as a form. An id that the server holds for something else is replaced. */
export function formOf(item: Item): VisitForm {
  const form = forms.formOf(item.visit)
  const isIdTaken = item.problem !== null && item.problem.code === 'visits.id_reused'
  return isIdTaken ? { ...form, client_id: uuid4(platform.randomBytes) } : form
}

/** Send a returned visit again after it was put right. Throws when it was not kept; the old one is still there then. */
export async function revise(clientId: string, form: VisitForm): Promise<Item> {
  const old = state.items.filter((item) => item.visit.client_id === clientId)[0]
  if (!old) throw new Error('no such visit')
  const item = await visitQueue.revise(clientId, forms.visitOf(form, forms.notedMs(old.visit, form, clock.now())))
  void sendWaiting(true)
  return item
}

/** False when it may already have arrived. */
export const discard = (clientId: string): Promise<boolean> => visitQueue.discard(clientId)

export const wordsOf = (item: Item): words.Words => words.wordsOf(item, clock.now())
