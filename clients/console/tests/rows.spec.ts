import { describe, expect, it } from 'vitest'
import { columnsFor, pagesOf, sorted } from '../src/pure/rows'
import { aFigure, FEW, UNKNOWN } from './make'

const rows = [
  { name: 'a', figure: aFigure({ value: 0.9, numerator: 18 }) },
  { name: 'b', figure: UNKNOWN },
  { name: 'c', figure: aFigure({ value: 0.4, numerator: 8 }) },
  { name: 'd', figure: FEW },
]
const names = (sort: Parameters<typeof sorted>[2]): string => sorted(rows, (row) => row.figure, sort).map((row) => row.name).join('')

describe('rows', () => {
  it('stand in the order of the codes unless asked for otherwise', () => expect(names('code')).toBe('abcd'))
  it('without a number come last either way', () => {
    expect(names('value')).toBe('cabd')
    expect(names('-value')).toBe('acbd')
    expect(names('-missing')).toBe('cdab')
    expect(names('missing')).toBe('adcb')
  })
})

it('lays out sixty-one tiles in a field of about the asked shape', () => {
  expect(columnsFor(61, 1.5)).toBe(9)
  expect(columnsFor(60, 1.5)).toBe(10)
  expect(columnsFor(3, 1.5)).toBe(3)
  expect(columnsFor(1, 1.5)).toBe(1)
})

it('cuts pages of equal length and drops nothing', () => {
  const many = Array.from({ length: 61 }, (_, index) => index)
  const pages = pagesOf(many, 13)
  expect(pages.map((page) => page.length)).toEqual([13, 13, 13, 13, 9])
  expect(pages.flat()).toEqual(many)
  expect(pagesOf([], 13)).toEqual([])
})
