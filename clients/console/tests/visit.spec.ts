import { describe, expect, it } from 'vitest'
import { lacking, needsReason, visitBody, type VisitForm } from '../src/pure/visit'

const TODAY = '2026-11-22'
const form: VisitForm = {
  clientId: 'c1', householdId: 'h1', visitorId: 'p1', occurredOn: '2026-11-15', mode: 'in_person', outcome: 'met', topics: [], companionIds: [],
  note: '  ', backfillReason: null, needsFollowUp: false,
}

describe('a visit entered for a member', () => {
  it('needs a reason only after a week', () => {
    expect(needsReason('2026-11-15', TODAY)).toBe(false)
    expect(needsReason('2026-11-14', TODAY)).toBe(true)
    expect(lacking(form, TODAY)).toEqual({})
    expect(Object.keys(lacking({ ...form, occurredOn: '2026-11-14' }, TODAY))).toEqual(['backfill_reason'])
  })
  it('says everything that is missing at once', () => {
    const empty = { ...form, visitorId: null, occurredOn: '', mode: undefined, outcome: undefined }
    expect(Object.keys(lacking(empty, TODAY)).sort()).toEqual(['mode', 'occurred_on', 'on_behalf_of', 'outcome'])
  })
  it('is of no day to come', () => {
    expect(lacking({ ...form, occurredOn: '2026-11-23' }, TODAY)).toEqual({ occurred_on: '走访日期不能晚于今天' })
  })
  it('is sent with the one id of its form, in China’s time, without an empty note', () => {
    const body = visitBody(form, Date.parse('2026-11-22T02:00:00Z'), TODAY)
    expect(body).toMatchObject({ client_id: 'c1', on_behalf_of: 'p1', note: null, noted_at: '2026-11-22T10:00:00+08:00' })
  })
  it('does not send a reason that is no longer asked for', () => {
    expect(visitBody({ ...form, backfillReason: 'forgot' }, Date.now(), TODAY).backfill_reason).toBeNull()
  })
})
