import { expect, it } from 'vitest'
import { isRunning, kindOf, momentName, periodName, periodsUntil, shortName } from '../src/pure/periods'

it('knows a month, a quarter and a year, and nothing else', () => {
  expect(['2026-11', '2026Q4', '2026', '2026-13', '2026Q5', '26', '2026-1'].map(kindOf)).toEqual([
    'month', 'quarter', 'year', null, null, null, null,
  ])
})

it('names periods', () => {
  expect(periodName('2026-01')).toBe('2026年1月')
  expect(periodName('2026Q3')).toBe('2026年第三季度')
  expect(periodName('2026')).toBe('2026年')
  expect(shortName('2026-01', true)).toBe('1月\n2026')
  expect(shortName('2026Q2', false)).toBe('2季')
})

it('offers thirteen months, across the turn of the year', () => {
  const { month, quarter, year } = periodsUntil('2027-02-03')
  expect(month).toHaveLength(13)
  expect(month.slice(0, 3)).toEqual(['2027-02', '2027-01', '2026-12'])
  expect(month.at(-1)).toBe('2026-02')
  expect(quarter).toEqual(['2027Q1', '2026Q4', '2026Q3', '2026Q2', '2026Q1'])
  expect(year).toEqual(['2027', '2026'])
})

it('says whether a period still runs', () => {
  expect(isRunning('2026-11', '2026-11-30')).toBe(true)
  expect(isRunning('2026-11', '2026-12-01')).toBe(false)
  expect(isRunning('2026-12', '2026-12-31')).toBe(true)
  expect(isRunning('2026Q4', '2026-12-31')).toBe(true)
  expect(isRunning('2026Q4', '2027-01-01')).toBe(false)
})

it('tells an instant by China’s clock, wherever the browser is', () => {
  expect(momentName('2026-11-21T23:30:00Z')).toBe('2026年11月22日 07:30')
  expect(momentName('2026-11-22T07:05:09.123456+08:00')).toBe('2026年11月22日 07:05')
})
