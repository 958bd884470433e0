import { describe, expect, it } from 'vitest'
import { asksName, changedFields, counts, dueOn, isNamed, isShown, linesOf, matches, missed, ordered, placeOf } from '../src/pure/households'
import { aGap, aHousehold, aMust, anOverdue } from './make'

const households = [
  aHousehold('h10', { group_name: '十组' }),
  aHousehold('h2', { group_name: '2组', primary: { assignment_id: 'a', person_id: 'p', name: '李建国', from: '2026-01-01' } }),
  aHousehold('h3', { group_name: '10组' }),
]
const lines = linesOf(households, [aGap('h10'), aGap(null)], [anOverdue('h2', '2026-11-10'), anOverdue('gone', '2026-11-01')], [
  aMust('h2', '2026-11-05'),
  aMust('h2', '2026-11-09'),
])
const line = (id: string) => lines.find((one) => one.household.id === id)!

describe('a household', () => {
  it('is told by number, group and micro-grid, as far as it has them', () => {
    expect(placeOf(aHousehold('h1', { micro_grid: { id: 'g', name: '一网格' } }))).toBe('h1 · 一组 · 一网格')
    expect(placeOf(aHousehold('h1', { code: null }))).toBe('一组')
  })
  it('is put right by what was changed alone; what was emptied is taken away', () => {
    const before = { head_name: '王德明', group_name: '一组', phone: '13900000000', address: '' }
    expect(changedFields(before, { ...before, head_name: ' 王德明 ' })).toEqual({})
    expect(changedFields(before, { ...before, phone: ' ', address: '村口1号' })).toEqual({ phone: null, address: '村口1号' })
  })
  it('shows that somebody went and met nobody, until somebody is met', () => {
    const went = { last_visit_on: '2026-11-20', last_outcome: 'not_home' }
    expect(missed(aHousehold('h1'))).toBeNull()
    expect(missed(aHousehold('h1', went))).toEqual({ on: '2026-11-20', outcome: 'not_home' })
    expect(missed(aHousehold('h1', { ...went, last_contact_on: '2026-11-01' }))?.on).toBe('2026-11-20')
    expect(missed(aHousehold('h1', { last_visit_on: '2026-11-20', last_outcome: 'met', last_contact_on: '2026-11-20' }))).toBeNull()
    expect(missed(aHousehold('h1', { ...went, last_contact_on: '2026-11-21' }))).toBeNull()
  })
})

describe('lines', () => {
  it('bring together what is known of a household', () => {
    expect(line('h10').gap?.gap_days).toBe(10)
    expect(line('h2').must?.due_on).toBe('2026-11-05')
    expect(line('h3')).toMatchObject({ gap: null, overdue: null, must: null })
    expect(counts(lines)).toEqual({ all: 3, overdue: 1, must: 1, gap: 1 })
    expect(isShown(line('h3'), 'overdue')).toBe(false)
  })
  it('are due on the earlier of two days', () => {
    expect(dueOn(line('h2'))).toBe('2026-11-05')
    expect(dueOn(line('h3'))).toBeNull()
  })
  it('stand by group, counted as people count, or by what is due first', () => {
    const ids = (order: 'group' | 'due') => ordered(lines, order).map((one) => one.household.id)
    const byGroup = ids('group')
    expect(byGroup.indexOf('h2')).toBeLessThan(byGroup.indexOf('h3'))
    expect(ids('due')[0]).toBe('h2')
    const groups = ['四组', '十一组', '二组', '一组', '十组'].map((group_name) => aHousehold(group_name, { group_name }))
    expect(ordered(linesOf(groups, [], [], []), 'group').map((one) => one.household.id)).toEqual(['一组', '二组', '四组', '十组', '十一组'])
  })
  it('may be asked for by a name or its letters, not by a number alone', () => {
    expect(['王', 'zs', ' 12-3 ', '二组', ''].map(asksName)).toEqual([true, true, false, true, false])
  })
  it('are found by number, head, group and primary', () => {
    const masked = linesOf([aHousehold('h4', { head_name: '袁**' })], [], [], [])[0]
    const nobody = new Set<string>()
    expect(['袁德明', 'ydm', '袁', 'h4'].map((text) => matches(masked, text, nobody))).toEqual([false, false, true, true])
    expect(['袁德明', 'ydm'].map((text) => matches(masked, text, new Set(['h4'])))).toEqual([true, true])
    // Nobody can tell: whoever it may be.
    expect(['袁德明', '袁 德', '袁德明明', '王德明', '袁'].map((text) => matches(masked, text, null))).toEqual([true, true, false, false, true])
    expect(['袁德明', '袁', 'h4'].map((text) => isNamed(masked, text))).toEqual([false, true, true])
    expect(['h10', '王', '2组', '李建国', ' '].map((text) => matches(line('h2'), text, new Set()))).toEqual([false, true, true, true, true])
  })
})
