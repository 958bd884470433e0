// A registration as it stands on the screen, and as it is sent. The server judges; what it would surely return is said
// here already, where there is no signal to hear it (docs/rules.md V2, V6).

import type { Household, VisitIn } from './api'
import { chinaDay, daysBetween, instant, instantMs, isDay } from './dates'

export interface VisitForm {
  /** Made once with the form: a double tap is the same visit. */
  client_id: string
  household_id: string
  occurred_on: string
  /** These two are null until chosen: nobody is said to have been visited at home, or met, by default. */
  mode: VisitIn['mode'] | null
  outcome: VisitIn['outcome'] | null
  topics: NonNullable<VisitIn['topics']>
  note: string
  companion_ids: string[]
  backfill_reason: NonNullable<VisitIn['backfill_reason']> | null
  needs_follow_up: boolean
}

export const NOTE_MOST = 200
const FREE_BACKFILL_DAYS = 7
const OLDEST_DAYS = 365
const COMPANIONS_MOST = 10

export const newForm = (client_id: string, household_id: Household['id'], today: string): VisitForm => ({
  client_id,
  household_id,
  occurred_on: today,
  mode: null,
  outcome: null,
  topics: [],
  note: '',
  companion_ids: [],
  backfill_reason: null,
  needs_follow_up: false,
})

/** Whether the day lies so far back that a reason is asked for. */
export const needsReason = (form: VisitForm, today: string): boolean =>
  isDay(form.occurred_on) && daysBetween(form.occurred_on, today) > FREE_BACKFILL_DAYS

/** Sentences by field; none when it may be registered. */
export function checkForm(form: VisitForm, today: string): Record<string, string[]> {
  const errors: Record<string, string[]> = {}
  const days = isDay(form.occurred_on) ? daysBetween(form.occurred_on, today) : NaN
  if (isNaN(days)) errors.occurred_on = ['请选走访日期。']
  else if (days < 0) errors.occurred_on = ['走访日期不能晚于今天。']
  else if (days > OLDEST_DAYS) errors.occurred_on = ['只能登记一年以内的走访，更早的请记在纸上。']
  if (form.mode === null) errors.mode = ['请选怎么去的：入户、电话，还是集中。']
  if (form.outcome === null) errors.outcome = ['请选走访结果：见到了、没遇到人，还是对方婉拒。']
  if (needsReason(form, today) && !form.backfill_reason)
    errors.backfill_reason = ['走访过去超过 7 天才登记，请选一个补录原因。']
  const length = lengthOf(form.note.trim())
  if (length > NOTE_MOST) errors.note = [`最多 ${NOTE_MOST} 个字，现在有 ${length} 个。`]
  else if (holdsCardNumber(form.note)) errors.note = [CARD_NUMBER]
  if (form.companion_ids.length > COMPANIONS_MOST) errors.companion_ids = [`同行人最多 ${COMPANIONS_MOST} 名。`]
  return errors
}

/** What is said of a text that holds what looks like the number of an identity card or a bank card. */
export const CARD_NUMBER = '像是身份证号或银行卡号，请删去；这里不能写。'
export const holdsCardNumber = (text: string): boolean => /\d[\d\s-]{13,}\d/.test(text)

/** What no screen shows is refused by the server; line feeds stay. */
export const printable = (text: string): string => text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '').trim()

/** Characters as the server counts them: one that takes two places in JavaScript is one. */
export const lengthOf = (text: string): number => Array.from(text).length

/** What is sent. Fields left empty are sent as what the server takes an absent one for. */
export function visitOf(form: VisitForm, noted_ms: number): VisitIn {
  if (form.mode === null || form.outcome === null) throw new Error('a visit needs a mode and an outcome')
  return {
    client_id: form.client_id,
    household_id: form.household_id,
    occurred_on: form.occurred_on,
    noted_at: instant(noted_ms),
    mode: form.mode,
    outcome: form.outcome,
    topics: form.topics.slice(),
    note: printable(form.note) || null,
    companion_ids: form.companion_ids.slice(),
    backfill_reason: needsReason(form, chinaDay(noted_ms)) ? form.backfill_reason : null,
    needs_follow_up: form.needs_follow_up,
  }
}

/** A visit that came back, to be put right. */
export const formOf = (visit: VisitIn): VisitForm => ({
  client_id: visit.client_id,
  household_id: visit.household_id,
  occurred_on: visit.occurred_on,
  mode: visit.mode,
  outcome: visit.outcome,
  topics: visit.topics || [],
  note: visit.note || '',
  companion_ids: visit.companion_ids || [],
  backfill_reason: visit.backfill_reason || null,
  needs_follow_up: visit.needs_follow_up || false,
})

/** When a corrected visit was noted: when it was noted first, unless that was never possible: before the day of the
 * visit, or later than now, as a wrong clock says. */
export function notedMs(before: VisitIn, form: VisitForm, now: number): number {
  const noted = instantMs(before.noted_at)
  return noted > now || chinaDay(noted) < form.occurred_on ? now : noted
}
