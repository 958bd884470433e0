/** A visit as a form holds it, and as it is sent. */
import { daysBetween, instant } from '@core/dates'
import type { VisitIn } from '../api/types'

/** A reason is needed for what is written down more than a week after the visit (docs/rules.md V2). */
const FREE_DAYS = 7

export interface VisitForm {
  clientId: string
  householdId: string
  visitorId: string | null
  occurredOn: string
  mode: VisitIn['mode'] | undefined
  outcome: VisitIn['outcome'] | undefined
  topics: NonNullable<VisitIn['topics']>
  companionIds: string[]
  note: string
  backfillReason: NonNullable<VisitIn['backfill_reason']> | null
  needsFollowUp: boolean
}

export function needsReason(occurredOn: string, today: string): boolean {
  return daysBetween(occurredOn, today) > FREE_DAYS
}

/** What is still to be filled in, by field of the wire, so that the server's sentences stand at the same places. */
export function lacking(form: VisitForm, today: string): Record<string, string> {
  const found: Record<string, string> = {}
  if (!form.visitorId) found.on_behalf_of = '请选择实际走访的党员'
  if (!form.occurredOn) found.occurred_on = '请选择走访日期'
  else if (form.occurredOn > today) found.occurred_on = '走访日期不能晚于今天'
  if (!form.mode) found.mode = '请选择走访方式'
  if (!form.outcome) found.outcome = '请选择走访结果'
  if (form.occurredOn && needsReason(form.occurredOn, today) && !form.backfillReason) {
    found.backfill_reason = '走访过去超过 7 天，请选一个补录原因'
  }
  return found
}

export function visitBody(form: VisitForm, now: number, today: string): VisitIn {
  const note = form.note.trim()
  return {
    client_id: form.clientId,
    household_id: form.householdId,
    on_behalf_of: form.visitorId,
    occurred_on: form.occurredOn,
    noted_at: instant(now),
    mode: form.mode!,
    outcome: form.outcome!,
    topics: form.topics,
    companion_ids: form.companionIds,
    note: note === '' ? null : note,
    backfill_reason: needsReason(form.occurredOn, today) ? form.backfillReason : null,
    needs_follow_up: form.needsFollowUp,
  }
}
