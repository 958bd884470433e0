import { describe, expect, test } from 'vitest'
import type { Household } from '../api'
import type { Item } from '../queue'
import { isIn, sectionsOf, statusOf, type Standing } from '../status'
import { visit } from './phone'

const TODAY = '2026-11-21'
const SYNCED = Date.parse('2026-11-21T02:00:00Z')
const household = (more: Partial<Household> = {}): Household => ({
  id: 'h1',
  version: 1,
  head_name: '王秀兰',
  group: '3组',
  micro_grid: { id: 'g', name: '石桥一网格' },
  role: 'primary',
  tier: 'ordinary',
  residence: 'resident',
  state: 'ok',
  due_on: '2026-12-20',
  due_kind: 'ordinary',
  last_contact_on: '2026-11-08',
  ...more,
})
const item = (more: Partial<Item>, about = {}): Item => ({
  visit: visit('a', about),
  owner: 'me',
  state: 'waiting',
  noted_ms: SYNCED,
  tries: 0,
  tried_ms: null,
  why: 'new',
  retry_ms: null,
  problem: null,
  sent_ms: null,
  voided: false,
  ...more,
})
const status = (more: Partial<Household>, items: Item[] = []) =>
  statusOf(household(more), TODAY, items, SYNCED, (kind) => (kind === 'illness' ? '生病住院' : kind))
const seen = (more: Partial<Household>, items: Item[] = []) => {
  const { key, filter, label, detail } = status(more, items)
  return [key, filter, label, detail]
}

describe('by the days', () => {
  test.each<[string, Partial<Household>, (string | null)[]]>([
    ['not due', {}, ['visited', 'visited', '已走访', '上次联系：11月8日（13 天前）；下次12月20日前']],
    ['15 days ahead', { due_on: '2026-12-06' }, ['visited', 'visited', '已走访', '上次联系：11月8日（13 天前）；下次12月6日前']],
    ['14 days ahead', { due_on: '2026-12-05' }, ['due_soon', 'to_visit', '该走访，还有 14 天', '12月5日前走访']],
    ['its day', { due_on: TODAY }, ['due', 'to_visit', '今天到期', '上次联系：11月8日（13 天前）']],
    ['the day after', { due_on: '2026-11-20' }, ['overdue', 'to_visit', '逾期 1 天', '上次联系：11月8日（13 天前）']],
    ['never, far ahead', { last_contact_on: null }, ['later', 'to_visit', '还没有走访过', '12月20日前走访一次']],
    ['never, late', { last_contact_on: null, due_on: '2026-11-01' }, ['overdue', 'to_visit', '逾期 20 天', '还没有联系过']],
    ['over the year', { due_on: '2027-01-02' }, ['visited', 'visited', '已走访', '上次联系：11月8日（13 天前）；下次2027年1月2日前']],
    ['key', { due_kind: 'key', due_on: '2026-11-25' }, ['due_soon', 'to_visit', '该走访，还有 4 天', '11月25日前走访，要入户见面']],
    ['must-visit', { due_kind: 'illness', due_on: '2026-11-23' }, ['due_soon', 'to_visit', '该走访，还有 2 天', '11月23日前走访；必访：生病住院，要入户见面']],
    ['backup', { role: 'backup', due_on: null, due_kind: null, last_contact_on: null }, ['not_mine', null, '由主联同志走访', '你是这一户的副联，想去也可以登记']],
    ['nothing required', { due_on: null, due_kind: null, last_contact_on: null }, ['not_mine', null, '暂无走访要求', '还没有联系过']],
    ['nothing required, seen', { due_on: null, due_kind: null }, ['visited', 'visited', '已走访', '上次联系：11月8日（13 天前）']],
  ])('%s', (_name, more, expected) => expect(seen(more)).toEqual(expected))

  test('the days go on without the server', () => {
    const later = statusOf(household({ due_on: '2026-11-25' }), '2026-12-01', [], SYNCED, String)
    expect(later.label).toBe('逾期 6 天')
  })
})

describe('by what was registered here', () => {
  const late = { due_on: '2026-11-01' }

  test('waiting: it leaves the list of what is to do', () => {
    expect(seen(late, [item({})]).slice(0, 3)).toEqual(['waiting', 'visited', '已登记，待上传'])
  })
  test('waiting, but nobody was at home: still to be visited', () => {
    expect(seen(late, [item({}, { outcome: 'not_home' })]).slice(0, 2)).toEqual(['waiting', 'to_visit'])
  })
  test('returned comes before everything', () => {
    expect(seen(late, [item({}), item({ state: 'returned' })])[0]).toBe('returned')
  })
  test('sent after the copy was made counts; sent before, the copy knows', () => {
    expect(seen(late, [item({ state: 'sent', sent_ms: SYNCED + 1 })]).slice(0, 3)).toEqual(['visited', 'visited', '已走访'])
    expect(seen(late, [item({ state: 'sent', sent_ms: SYNCED - 1 })])[0]).toBe('overdue')
    expect(seen(late, [item({ state: 'sent', sent_ms: SYNCED + 1, voided: true })])[0]).toBe('overdue')
  })
  test('a visit to another household changes nothing', () => {
    expect(seen(late, [item({}, { household_id: 'h2' })])[0]).toBe('overdue')
  })
})

describe('lists', () => {
  const standing = (id: string, group: string, due_on: string): Standing => {
    const one = household({ id, group, due_on })
    return { household: one, status: statusOf(one, TODAY, [], SYNCED, String) }
  }
  const all = [
    standing('a', '十组', '2026-11-30'),
    standing('b', '二组', '2026-11-01'),
    standing('c', '10组', '2026-12-30'),
    standing('d', '9组', '2026-11-05'),
    standing('e', '二组', '2026-12-30'),
  ]
  const shown = (order: 'group' | 'due') =>
    sectionsOf(all, order).map((one) => [one.title, one.households.map((household) => household.id).join('')])

  test('by group, numbers as numbers whether written 9 or 十', () => {
    expect(shown('group')).toEqual([
      ['石桥一网格 · 二组', 'be'],
      ['石桥一网格 · 9组', 'd'],
      ['石桥一网格 · 十组', 'a'],
      ['石桥一网格 · 10组', 'c'],
    ])
  })
  test('by day due', () => {
    expect(shown('due')).toEqual([['逾期', 'bd'], ['14 天内到期', 'a'], ['以后', 'ec']])
  })
  test('each household is in one filter and in all', () => {
    expect(all.filter((one) => isIn('to_visit', one.status)).length).toBe(3)
    expect(all.filter((one) => isIn('visited', one.status)).length).toBe(2)
    expect(all.every((one) => isIn('all', one.status))).toBe(true)
  })
})
