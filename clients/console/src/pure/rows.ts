/** Rows of places in the order that the viewer asked for. */
import type { Figure } from '../api/types'
import { missing } from './figures'
import type { Sort } from './filters'

/** In order of code unless asked for otherwise; what has no number comes last either way, and equals keep their order. */
export function sorted<T>(rows: readonly T[], figureOf: (row: T) => Figure | undefined, sort: Sort): T[] {
  if (sort === 'code') return [...rows]
  const down = sort.startsWith('-')
  const number = (row: T): number | null => {
    const figure = figureOf(row)
    if (!figure) return null
    return sort.endsWith('value') ? figure.value : missing(figure)
  }
  return [...rows].sort((a, b) => {
    const [left, right] = [number(a), number(b)]
    if (left === null || right === null) return Number(left === null) - Number(right === null)
    return down ? right - left : left - right
  })
}

/** How many columns a field of tiles has: about `aspect` times as wide as high, and as few places empty as can be. */
export function columnsFor(tiles: number, aspect: number): number {
  const near = Math.round(Math.sqrt(tiles * aspect))
  const choices = [near, near + 1, near - 1].filter((columns) => columns >= 1 && columns <= tiles)
  const empty = (columns: number): number => Math.ceil(tiles / columns) * columns - tiles
  return choices.reduce((best, columns) => (empty(columns) < empty(best) ? columns : best), choices[0] ?? 1)
}

/** Cut rows into pages of about equal length, none longer than `most`. */
export function pagesOf<T>(rows: readonly T[], most: number): T[][] {
  if (rows.length === 0) return []
  const pages = Math.ceil(rows.length / most)
  const each = Math.ceil(rows.length / pages)
  return Array.from({ length: pages }, (_, page) => rows.slice(page * each, (page + 1) * each)).filter((one) => one.length)
}
