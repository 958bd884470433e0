import { expect, it } from 'vitest'
import type { Person } from '../src/api/types'
import { consequence, exemptionWords, inOrder, namesApart, untilWords } from '../src/pure/people'

const person = (change: Partial<Person> = {}) => ({ name: '李四', load: 6, backed: 4, branch_id: 'b', exemption: null, exempt_from: null, exempt_to: null, keeps_links: false, until: null, next_branch_id: null, ...change }) as Person

it('the roster is in order of branch and name, whatever anybody has to do', () => {
  const people = [person({ name: '周一', load: 9 }), person({ name: '陈二', load: 1 }), person({ name: '李三', branch_id: 'a', load: 3 })]
  expect(inOrder(people, (id) => (id === 'a' ? '河西支部' : '河东支部')).map((one) => one.name)).toEqual(['陈二', '周一', '李三'])
})

it('people of the same name are told apart, others need it not', () => {
  const people = [['1', '李四', 'full'], ['2', '李四', 'cadre'], ['3', '王五', 'full'], ['4', '赵六', 'full'], ['5', '赵六', 'full']]
    .map(([id, name, kind]) => person({ id, name, kind, since: `2020-0${id}-01` }))
  expect([...namesApart(people, (code) => ({ full: '党员', cadre: '干部' })[code] ?? code)]).toEqual([
    ['1', '党员'], ['2', '干部'], ['4', '党员，从2020年4月1日起'], ['5', '党员，从2020年5月1日起'],
  ])
})

it('an exemption is said with its days', () => {
  const reason = () => '因病'
  expect(exemptionWords(person(), reason)).toBe('')
  expect(exemptionWords(person({ exemption: 'illness', exempt_from: '2026-11-01' }), reason)).toBe('因病，2026年11月1日起')
  expect(exemptionWords(person({ exemption: 'illness', exempt_from: '2026-11-01', exempt_to: '2027-01-01' }), reason)).toBe('因病，2026年11月1日起，2027年1月1日恢复')
  expect(exemptionWords(person({ exemption: 'age', keeps_links: true }), () => '年老')).toBe('年老，继续联系现有的户')
})

it('what is booked to happen is said with its day', () => {
  const name = (id: string) => `${id}支部`
  expect(untilWords(person(), name)).toBe('')
  const until = '2026-12-01'
  expect(untilWords(person({ until }), name)).toBe('2026年12月1日起不再任职')
  expect(untilWords(person({ until, next_branch_id: 'c' }), name)).toBe('2026年12月1日起调到c支部')
  expect(untilWords(person({ until, next_branch_id: 'b' }), name)).toBe('2026年12月1日起换身份')
})

it('what will happen is said before it is done', () => {
  expect(consequence('exempt', person(), '2026-11-22', false)).toBe('从2026年11月22日起，李四联系的 6 户，其中 4 户由副联接上，2 户成为空白点。“消息”里会告诉你。')
  expect(consequence('leave', person({ backed: 0 }), '', false)).toContain('现在联系的 6 户都成为空白点。')
  expect(consequence('leave', person({ backed: 6 }), '', false)).toContain('现在联系的 6 户都由副联接上。')
  expect(consequence('exempt', person(), '', true)).toBe('从这天起，李四继续联系现在的 6 户，不再添新的户。')
  expect(consequence('exempt', person({ load: 0 }), '', false)).toContain('没有要交接的户')
  expect(consequence('leave', person(), '', false)).toContain('以前的走访记录都留着')
  expect(consequence('transfer', person(), '', false)).toContain('新支部负责的户仍由李四联系')
  expect(consequence('return', person(), '', false)).toContain('不会自动还回来')
})
