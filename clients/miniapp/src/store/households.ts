// The phone's copy of one's own households, and what is asked of the server for one of them.

import type { Colleague, Household, HouseholdDetail, MustVisit, MustVisitIn, VoidReason, VisitOut, WithdrawReason } from '@core/api'
import { instantLabel } from '@core/dates'
import { sentenceOf } from '@core/problem'
import * as rules from '@core/status'
import { emptyCopy, type Copy, type Taken } from '@core/sync'
import { computed, reactive, readonly } from 'vue'
import { fetchCodes, word } from './codes'
import { api, cache, clock, network, read, store, synchroniser, today, visitQueue } from './ground'
import { onSent, queue, sendWaiting } from './queue'
import { COPY_DAYS, onPerson, owner, session } from './session'

const DAY = 24 * 3600 * 1000
/** Coming back to the program within this time asks for nothing new. */
const FRESH = 60_000
const HISTORY = 'history:'
const HISTORY_ROWS = 20

const state = reactive({
  copy: null as Copy | null,
  loading: false,
  problem: null as string | null,
  /** The copy was older than it may be and was taken off the phone. */
  expired: false,
})

const emptyBecause = computed(() => {
  if (state.copy && state.copy.synced_ms !== null && !state.expired)
    return '现在没有分给你的联系户。有疑问请问支部书记。'
  if (state.loading) return '正在取名单，请稍等。'
  if (state.expired) return `超过 ${COPY_DAYS} 天没有联网，名单已从手机上清除。请到有信号的地方，下拉重新取。`
  if (session.state === 'expired') return '登录已过期，登录后就能看到名单。'
  return '还没有取到名单。请到有信号的地方，下拉再取一次；取到以后没有信号也能用。'
})

export interface Households {
  readonly items: readonly Household[]
  readonly must_visits: readonly MustVisit[]
  readonly colleagues: readonly Colleague[]
  readonly revoked: readonly Taken[]
  readonly synced_at: number | null
  readonly loading: boolean
  readonly problem: string | null
  readonly empty_because: string
}

export const households: Households = readonly(
  reactive({
    items: computed(() => (state.copy ? state.copy.households : [])),
    must_visits: computed(() => (state.copy ? state.copy.must_visits : [])),
    colleagues: computed(() => (state.copy ? state.copy.colleagues : [])),
    revoked: computed(() => (state.copy ? state.copy.taken : [])),
    synced_at: computed(() => (state.copy ? state.copy.synced_ms : null)),
    loading: computed(() => state.loading),
    problem: computed(() => state.problem),
    empty_because: emptyBecause,
  }),
) as Households

export async function loadHouseholds(): Promise<void> {
  const whose = owner()
  const copy = await synchroniser.read()
  state.expired = copy !== null && clock.now() - (copy.synced_ms || 0) > COPY_DAYS * DAY
  state.copy = copy && copy.owner === whose && !state.expired ? copy : null
  if (whose && state.copy) await sweepHistories(state.copy)
  else await wipe()
}

/** Remove everything about households that are not in the copy. */
async function sweepHistories(copy: Copy): Promise<void> {
  const kept = copy.households.map((one) => HISTORY + one.id)
  for (const key of await store.keys())
    if (key.indexOf(HISTORY) === 0 && kept.indexOf(key) < 0) await store.remove(key)
}

async function wipe(): Promise<void> {
  for (const key of await store.keys()) if (key === 'copy' || key.indexOf(HISTORY) === 0) await store.remove(key)
}

let refreshing: Promise<void> | null = null

/** Send what waits, then bring the copy up to date. Never throws; what went wrong is `households.problem`. */
export function refresh(): Promise<void> {
  const done = () => {
    refreshing = null
    state.loading = false
  }
  if (!refreshing) {
    state.loading = true
    refreshing = follow()
    void refreshing.then(done, done)
  }
  return refreshing
}

async function follow(): Promise<void> {
  const whose = owner()
  if (!whose || session.state !== 'in') return
  if (!network.online) {
    state.problem = null
    return
  }
  await sendWaiting(true, true)
  try {
    const copy = await synchroniser.run(state.copy || emptyCopy(whose), () => owner() === whose)
    if (copy) {
      state.copy = copy
      state.expired = false
      await sweepHistories(copy)
    }
    state.problem = null
  } catch (error) {
    state.problem = sentenceOf(error)
  }
  await fetchCodes()
}

/** The program came to the front. */
export function refreshIfOld(): Promise<void> {
  const synced_ms = state.copy && state.copy.synced_ms
  const isFresh = synced_ms !== null && Math.abs(clock.now() - synced_ms) < FRESH
  return isFresh && !queue.waiting ? Promise.resolve() : refresh()
}

onSent.follow = () => {
  // An answer that is on its way may be older than what was sent.
  void (refreshing || Promise.resolve()).then(refresh)
}
onPerson.came.push(refresh)
onPerson.left.push(() => {
  state.copy = null
  state.problem = null
})

export const householdOf = (id: string): Household | undefined =>
  households.items.filter((one) => one.id === id)[0]

export const mustVisitsOf = (id: string): MustVisit[] =>
  households.must_visits.filter((one) => one.household_id === id)

/** The notice about households that were taken away has been read. */
export async function forgetRevoked(): Promise<void> {
  if (!state.copy) return
  state.copy = { ...state.copy, taken: [] }
  await synchroniser.keep(state.copy).catch(() => undefined)
}

export const statusOf = (household: Household): rules.Status =>
  rules.statusOf(household, today(), queue.items, households.synced_at, (kind) =>
    word('must_visit_kinds', kind),
  )

const standings = (): rules.Standing[] =>
  households.items.map((household) => ({ household, status: statusOf(household) }))

/** The list as the page shows it. */
export const arranged = (filter: rules.Filter, order: rules.Order): rules.Section[] =>
  rules.sectionsOf(
    standings().filter((one) => rules.isIn(filter, one.status)),
    order,
  )

/** How many households each filter shows. */
export function counts(): Record<rules.Filter, number> {
  const all = standings()
  const count = (filter: rules.Filter) => all.filter((one) => rules.isIn(filter, one.status)).length
  return { to_visit: count('to_visit'), visited: count('visited'), all: all.length }
}

export interface HistoryRow {
  id: string
  occurred_on: string
  mode: string
  outcome: string
  topics: string[]
  /** Only fresh from the server; never stored. */
  note: string | null
  voided: boolean
  /** 我, a colleague's name, or 其他同志. */
  visitor: string
  /** Who went along, in words. */
  companions: string[]
  needs_follow_up: boolean
  mine: boolean
}

export interface History {
  visits: HistoryRow[]
  fresh: boolean
  problem: string | null
}

/** The last visits to a household: from the server, or without it as they were last known. */
export async function history(id: string): Promise<History> {
  let problem: string | null = null
  if (network.online && session.state === 'in') {
    try {
      const visits = (await api.visits(id, HISTORY_ROWS)).items.map(rowOf)
      if (householdOf(id)) await cache(HISTORY + id, visits.map((row) => ({ ...row, note: null })))
      return { visits, fresh: true, problem: null }
    } catch (error) {
      problem = sentenceOf(error)
    }
  }
  return { visits: (await read<HistoryRow[]>(HISTORY + id)) || [], fresh: false, problem }
}

/** 我, a colleague's name, or 其他同志. */
export function nameOf(personId: string): string {
  if (session.me !== null && personId === session.me.person_id) return '我'
  const colleague = households.colleagues.filter((one) => one.id === personId)[0]
  return colleague ? colleague.name : '其他同志'
}

function rowOf(visit: VisitOut): HistoryRow {
  const me = session.me
  const isMine = me !== null && (visit.visitor_id === me.person_id || visit.entered_by === me.account_id)
  return {
    id: visit.id,
    occurred_on: visit.occurred_on,
    mode: visit.mode,
    outcome: visit.outcome,
    topics: visit.topics,
    note: visit.note,
    voided: visit.state === 'voided',
    visitor: nameOf(visit.visitor_id),
    companions: visit.companion_ids.map(nameOf),
    needs_follow_up: visit.needs_follow_up,
    mine: isMine,
  }
}

/** Address, primary, whether there is a telephone: only from the server, never stored. Throws. */
export const detailOf = (id: string): Promise<HouseholdDetail> => api.household(id)

/** The telephone number, on tap: the server notes who looked. Never stored. Throws. */
export const phoneOf = async (id: string): Promise<string | null> => (await api.phoneOf(id)).phone

/** Say that a household needs a visit; whether somebody was there already, so that nothing is left to do. Throws. */
export async function raiseMustVisit(form: MustVisitIn): Promise<boolean> {
  const { state } = await api.raiseMustVisit(form)
  await refresh()
  return state === 'met'
}

/** Take a must-visit back. Throws. */
export async function withdrawMustVisit(id: string, reason: WithdrawReason): Promise<void> {
  await api.withdrawMustVisit(id, reason)
  await refresh()
}

/** Throws. */
export async function voidVisit(id: string, reason: VoidReason): Promise<void> {
  await api.voidVisit(id, reason)
  // What is stored is behind if this fails; the server's word stands in the household's history.
  await visitQueue.markVoided(id).catch(() => undefined)
  await refresh()
}

/** 今天 14:05, or null before the first time. */
export const syncedWords = (): string | null =>
  households.synced_at === null ? null : instantLabel(households.synced_at, clock.now())
