import { describe, expect, it } from 'vitest'
import { filterQuery, levelBelow, levelsOf, nextSort, parseFilters, withChange, type Filters } from '../src/pure/filters'

const MONTH = '2026-11'
const usual: Filters = { place: null, period: MONTH, level: null, metric: 'visit_coverage', warn: null, sort: 'code', list: null }

describe('filters of an address', () => {
  it('are the usual ones of an empty address, which they are written as', () => {
    expect(parseFilters({}, MONTH)).toEqual(usual)
    expect(filterQuery(usual, MONTH)).toEqual({})
  })
  it('come back as they were written', () => {
    const filters: Filters = {
      place: { kind: 'branch', id: 'b1' }, period: '2026Q3', level: 'micro_grid', metric: 'on_time_contact', warn: 80, sort: '-missing', list: 'gaps',
    }
    expect(parseFilters(filterQuery(filters, MONTH), MONTH)).toEqual(filters)
    const without = { ...filters, warn: null }
    expect(filterQuery(without, MONTH).warn).toBe('none')
    expect(parseFilters(filterQuery(without, MONTH), MONTH)).toEqual(without)
  })
  it('fall back for what is unknown', () => {
    const odd = { metric: 'load', period: '2026-13', level: 'house', sort: 'name', list: 'people', warn: '55', area: ['a', 'b'] }
    expect(parseFilters(odd, MONTH)).toEqual(usual)
  })
})

describe('a change', () => {
  it('takes the usual warning line along', () => {
    expect(withChange(usual, { metric: 'on_time_contact' }).warn).toBe(60)
    expect(withChange(withChange(usual, { metric: 'on_time_contact' }), { metric: 'visit_coverage' }).warn).toBeNull()
    expect(withChange(usual, { period: '2026Q4' }).warn).toBe(60)
  })
  it('keeps a line that was chosen', () => {
    const chosen = withChange(usual, { warn: 80 })
    expect(withChange(chosen, { metric: 'on_time_contact' }).warn).toBe(80)
    expect(withChange(withChange(usual, { metric: 'on_time_contact' }), { warn: null }).warn).toBeNull()
  })
})

it('shows a place by a finer level only', () => {
  expect(levelBelow('township')).toBe('village')
  expect(levelBelow('village')).toBe('micro_grid')
  expect(levelsOf('village')).not.toContain('village')
  for (const level of ['township', 'village', 'branch', 'grid', 'micro_grid']) expect(levelsOf(level)).toContain(levelBelow(level))
})

describe('a click on the head of a column', () => {
  const clicks = (of: 'value' | 'missing' | 'code') => {
    const first = nextSort('code', of)
    return [first, nextSort(first, of), nextSort(nextSort(first, of), of)]
  }
  it('asks for what one looks for, then the other way round, then for the codes', () => {
    expect(clicks('value')).toEqual(['value', '-value', 'code'])
    expect(clicks('missing')).toEqual(['-missing', 'missing', 'code'])
    expect(clicks('code')).toEqual(['code', 'code', 'code'])
    expect(nextSort('-missing', 'value')).toBe('value')
  })
})
