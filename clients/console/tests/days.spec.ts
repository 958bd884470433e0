import { describe, expect, it } from 'vitest'
import { readDay } from '../src/pure/days'

const TODAY = '2026-11-22'

describe('a day as it is typed', () => {
  it.each([
    ['2026-11-12', '2026-11-12'],
    ['2026/1/5', '2026-01-05'],
    ['2026年11月12日', '2026-11-12'],
    ['20261112', '2026-11-12'],
    ['11-12', '2026-11-12'],
    ['11.2', '2026-11-02'],
    ['１１月１２日', '2026-11-12'],
    [' 11 月 12 号 ', '2026-11-12'],
    ['1112', '2026-11-12'],
    ['11-22', '2026-11-22'],
    ['12-30', '2025-12-30'],
    ['2026-12-30', '2026-12-30'],
  ])('%s', (text, day) => {
    expect(readDay(text, TODAY, TODAY)).toBe(day)
  })
  it.each(['', '2-30', '13-1', '昨天', '11', '2026-11', '26-11-12', '11-12-2026'])('is not guessed: %s', (text) => {
    expect(readDay(text, TODAY, TODAY)).toBeNull()
  })
  it('may lie ahead where days to come are meant', () => {
    expect(readDay('12-30', TODAY, null)).toBe('2026-12-30')
  })
})
