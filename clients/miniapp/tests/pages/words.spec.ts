import { describe, expect, test } from 'vitest'
import { deadline, metBy, revokedNotice, tagsOf, toggledTopic, visitLine } from '../../src/pages/words'
import { rowsOf } from '../../src/pages/household/rows'
import type { Household } from '@core/api'
import type { Item } from '@core/queue'
import type { HistoryRow } from '../../src/store'

const TODAY = '2026-11-22'
const household = (more: Partial<Household> = {}): Household =>
  ({ id: 'h1', tier: 'ordinary', residence: 'resident', role: 'primary', last_contact_on: null, ...more }) as Household
const item = (more: Partial<Item> = {}, visit: Partial<Item['visit']> = {}): Item =>
  ({
    visit: { client_id: 'v1', household_id: 'h1', occurred_on: TODAY, mode: 'in_person', outcome: 'met', topics: ['care'], ...visit },
    state: 'waiting',
    voided: false,
    ...more,
  }) as Item
const taken = (more: object) => ({ household_id: 'h1', successor_id: null, on: '2026-11-20', reason: 'handed_over', ...more })

describe('households that were taken off the phone', () => {
  test('one: since when and why', () => {
    expect(revokedNotice([taken({})], TODAY)).toContain('有 1 户从 11月20日 起不再由你联系：已交接给其他党员。')
  })
  test('several: each reason once; one that the server does not give any more has words of its own', () => {
    const notice = revokedNotice([taken({}), taken({}), taken({ reason: null, on: null }), taken({ reason: 'household_closed' })], TODAY)
    expect(notice).toContain('有 4 户不再由你联系：已交接给其他党员；支部作了调整；这一户已销户或并户。')
  })
})

test.each([
  ['2026-11-25', '期限 11月25日，还有 3 天'],
  ['2026-11-22', '期限 11月22日，就是今天'],
  ['2026-11-21', '期限 11月21日，已过 1 天'],
])('the deadline of a must-visit in words: %s', (due_on, words) => {
  expect(deadline(due_on, TODAY)).toBe(words)
})

test.each([
  ['in person within the time', {}, ['m1']],
  ['on the last day', { occurred_on: '2026-11-24' }, ['m1']],
  ['before it happened', { occurred_on: '2026-11-20' }, []],
  ['too late', { occurred_on: '2026-11-25' }, []],
  ['by telephone', { mode: 'phone' }, []],
  ['nobody met', { outcome: 'not_home' }, []],
])('a visit is said to meet a must-visit only where that is sure: %s', (_, more, met) => {
  const visit = { occurred_on: TODAY, mode: 'in_person', outcome: 'met', ...more }
  expect(metBy(visit, [{ id: 'm1', since: '2026-11-21', due_on: '2026-11-24' }]).map((must) => must.id)).toEqual(met)
})

test('"nothing new" stands alone among the topics', () => {
  expect(toggledTopic(['care', 'safety'], 'nothing_new')).toEqual(['nothing_new'])
  expect(toggledTopic(['nothing_new'], 'care')).toEqual(['care'])
  expect(toggledTopic(['care', 'safety'], 'care')).toEqual(['safety'])
})

test('what is special about a household is said in words; what is usual is not', () => {
  expect(tagsOf(household())).toEqual([])
  expect(tagsOf(household({ tier: 'key', residence: 'away', role: 'backup' })).map((tag) => tag.text)).toEqual(['重点户', '外出', '副联'])
})

test('a visit in one line', () => {
  expect(visitLine('2026-11-21', '入户', '未遇', TODAY)).toBe('11月21日（昨天） 入户，未遇')
})

describe('the visits of a household', () => {
  const nameOf = (id: string): string => (id === 'p2' ? '刘敏' : '其他同志')
  const told: HistoryRow = {
    id: 'v1', occurred_on: '2026-11-10', mode: 'remote', outcome: 'met', topics: [], note: null, voided: false, visitor: '周强', companions: [], needs_follow_up: false, mine: false,
  }
  test('one that the server told is shown once, as it told it', () => {
    expect(rowsOf([item({ state: 'sent' })], [told], nameOf)).toEqual([{ ...told, here: null }])
  })
  test('one that is only here says how far it got; newest first', () => {
    const rows = rowsOf([item({}, { client_id: 'v2', companion_ids: ['p2'], needs_follow_up: true })], [told], nameOf)
    expect(rows[0]).toMatchObject({ companions: ['刘敏'], needs_follow_up: true })
    expect(rows.map((row) => [row.id, row.here, row.visitor])).toEqual([['v2', 'waiting', '我'], ['v1', null, '周强']])
  })
})
