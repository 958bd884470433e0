import { describe, expect, it } from 'vitest'
import type { Branch, Person, Proposal } from '../src/api/types'
import { candidates, consequences, countFates, fateOf, inPlaceOrder, isOf, isSought, loadsOf, stateWords, summary } from '../src/pure/proposals'
import { anItem } from './make'

const items = [
  anItem('h1', { person_id: 'p1' }),
  anItem('h2', { person_id: 'p2', current_id: 'p1', current_name: '张三', edited: true }),
  anItem('h3', { person_id: 'p1', current_id: 'p1' }),
  anItem('h4', { code: null, group_name: '九组' }),
  anItem('h5', { current_id: 'p2', edited: true }),
]
const person = (id: string, branch_id = 'b1', load = 3) => ({ id, name: id, branch_id, load }) as Person

describe('a household of a proposal', () => {
  it('gets somebody, somebody else, stays as it is, or still has nobody', () => {
    expect(items.map(fateOf)).toEqual(['new', 'moved', 'same', 'left', 'same'])
    expect(countFates(items)).toEqual({ new: 1, moved: 1, same: 2, left: 1 })
  })
  it('is shown where it belongs', () => {
    const shown = (which: Parameters<typeof isOf>[0]) => items.filter((one) => isOf(which, one, { h3: '情况变了' })).map((one) => one.household_id)
    expect(shown('all')).toHaveLength(5)
    expect([shown('left'), shown('moved'), shown('edited'), shown('stale')]).toEqual([['h4'], ['h2'], ['h2', 'h5'], ['h3']])
  })
  it('is found by number, group and person', () => {
    const found = (text: string) => items.filter((one) => isSought(one, text, new Set(text === '王德明' ? ['h3'] : []))).map((one) => one.household_id)
    expect([found('h1'), found('九 组'), found('张三'), found('没有这个')]).toEqual([['h1'], ['h4'], ['h2'], []])
    expect(found(' ')).toHaveLength(5)
    expect(found('王德明')).toEqual(['h3'])
    expect(isSought(items[0], '王德明', null)).toBe(true)
    expect(isSought(items[0], '李德明', null)).toBe(false)
  })
})

it('households are in order of place, group, number and head', () => {
  const at = (id: string, group_name: string, given = {}) => anItem(id, { group_name, ...given })
  const mixed = [
    at('next', '一组', { micro_grid_name: '二网格' }), at('named', '三里桥组'), at('tenth', '十组'), at('second', '第二村民小组'),
    at('no number', '1组', { code: null, head_name: '李*' }), at('b10', '一组'), at('b9', '第一村民小组'),
  ]
  expect(inPlaceOrder(mixed).map((one) => one.household_id)).toEqual(['b9', 'b10', 'no number', 'second', 'tenth', 'named', 'next'])
})

describe('a proposal', () => {
  it('says in a sentence what it would do', () => {
    expect(summary(items)).toBe('4 户有了人选（新安排 1 户，换人 1 户，照旧 2 户），1 户没有安排。')
    expect(summary(items.slice(0, 1))).toBe('1 户有了人选，没有空着的户。')
    expect(summary([])).toContain('没有要安排的户')
  })
  it('says before it is applied what will happen', () => {
    expect(consequences(items, '2026-11-23').slice(0, -1)).toEqual([
      '从2026年11月23日起，2 户有新的主联党员。', '其中 1 户是换人，原来的主联到前一天为止。', '2 户照旧，不改。', '1 户没有安排，仍是空白点。',
    ])
    expect(consequences(items.slice(0, 1), '2026-11-23')).toHaveLength(2)
  })
  it('is applied, or not yet', () => {
    expect(stateWords({ applied_at: null, from: '2026-11-23' } as Proposal)).toBe('没有定下')
    expect(stateWords({ applied_at: '2026-11-22T10:00:00Z', from: '2026-11-23' } as Proposal)).toBe('2026年11月22日定下，从2026年11月23日起')
  })
})

describe('people of a proposal', () => {
  const people = [person('p1'), person('p2', 'b2'), person('p3', 'b1', 20), person('p4', 'b3')]
  it('stay in their order and have what was, less what goes, with what comes', () => {
    expect(loadsOf(people, items).map(({ person: { id }, now, after }) => [id, now, after])).toEqual([['p1', 3, 3], ['p2', 3, 4], ['p3', 20, 20], ['p4', 3, 3]])
  })
  it('are those of the place and those who are named in it; all, where nobody is', () => {
    const branches = [{ id: 'b1', parent_id: null, region_id: 'v1' }, { id: 'b3', parent_id: 'b1', region_id: 'v3' }] as Branch[]
    const ids = (place: string, some = items) => candidates(people, branches, some, place).map((one) => one.id)
    expect(ids('v1')).toEqual(['p1', 'p2', 'p3'])
    expect(ids('b1', [])).toEqual(['p1', 'p3', 'p4'])
    expect(ids('elsewhere', [])).toEqual(['p1', 'p2', 'p3', 'p4'])
  })
})
