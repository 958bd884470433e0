import { expect, test } from 'vitest'
import { countsLine, monthName } from '../src/pure/feedback'

const month = (name: string, received: number, answered: number) => ({ month: name, received, answered })

test.each([
  [[], '本月收到 0 条；近 12 个月共收到 0 条，已答复 0 条。'],
  [[month('2026-10', 2, 1)], '本月收到 0 条；近 12 个月共收到 2 条，已答复 1 条。'],
  [[month('2026-11', 3, 1), month('2026-10', 2, 2)], '本月收到 3 条，还有 2 条没有答复；近 12 个月共收到 5 条，已答复 3 条。'],
  [[month('2026-11', 1, 1)], '本月收到 1 条，都已答复；近 12 个月共收到 1 条，已答复 1 条。'],
])('%j', (months, line) => expect(countsLine(months, '2026-11-22')).toBe(line))

test('a month has a name', () => expect([monthName('2026-11'), monthName('2026-01')]).toEqual(['2026年11月', '2026年1月']))
