/** What the coverage page shows, kept in its address so that it can be sent to somebody and printed again. */
import type { Level } from '../api/types'
import { defaultWarn, WARN_CHOICES } from './bands'
import { isMetric, type Metric } from './figures'
import { kindOf } from './periods'

export type Query = Record<string, string | null | undefined | (string | null)[]>
export type ListName = 'gaps' | 'overdue' | 'revisions'
export type Sort = 'code' | 'value' | '-value' | 'missing' | '-missing'

export interface Place {
  kind: 'area' | 'branch'
  id: string
}

export interface Filters {
  place: Place | null
  period: string
  level: Level | null
  metric: Metric
  /** In percent; null: no line. */
  warn: number | null
  sort: Sort
  list: ListName | null
}

const LEVELS: readonly string[] = ['township', 'village', 'grid', 'micro_grid', 'branch']
const SORTS: readonly string[] = ['code', 'value', '-value', 'missing', '-missing']
const LISTS: readonly string[] = ['gaps', 'overdue', 'revisions']
const FIRST_METRIC: Metric = 'visit_coverage'

function one(query: Query, name: string): string | null {
  const value = query[name]
  return typeof value === 'string' && value !== '' ? value : null
}

function among<T extends string>(value: string | null, known: readonly string[]): T | null {
  return value !== null && known.includes(value) ? (value as T) : null
}

/** Read the filters of an address; whatever is missing or unknown falls back, `month` being the current one. */
export function parseFilters(query: Query, month: string): Filters {
  const area = one(query, 'area')
  const branch = one(query, 'branch')
  const period = one(query, 'period')
  const metric = one(query, 'metric')
  const found = {
    place: branch ? { kind: 'branch' as const, id: branch } : area ? { kind: 'area' as const, id: area } : null,
    period: period !== null && kindOf(period) ? period : month,
    level: among<Level>(one(query, 'level'), LEVELS),
    metric: isMetric(metric) ? metric : FIRST_METRIC,
    sort: among<Sort>(one(query, 'sort'), SORTS) ?? 'code',
    list: among<ListName>(one(query, 'list'), LISTS),
  }
  return { ...found, warn: warnOf(one(query, 'warn'), found.metric, found.period) }
}

function warnOf(text: string | null, metric: Metric, period: string): number | null {
  if (text === 'none') return null
  const number = Number(text)
  return WARN_CHOICES.includes(number as (typeof WARN_CHOICES)[number]) ? number : defaultWarn(metric, period)
}

/** The address of filters: nothing that goes without saying. */
export function filterQuery(filters: Filters, month: string): Record<string, string> {
  const query: Record<string, string> = {}
  if (filters.place) query[filters.place.kind] = filters.place.id
  if (filters.period !== month) query.period = filters.period
  if (filters.level) query.level = filters.level
  if (filters.metric !== FIRST_METRIC) query.metric = filters.metric
  if (filters.warn !== defaultWarn(filters.metric, filters.period)) {
    query.warn = filters.warn === null ? 'none' : String(filters.warn)
  }
  if (filters.sort !== 'code') query.sort = filters.sort
  if (filters.list) query.list = filters.list
  return query
}

/** Filters after a change. A line that was the usual one of a metric becomes the usual one of the next. */
export function withChange(filters: Filters, change: Partial<Filters>): Filters {
  const next = { ...filters, ...change }
  const wasUsual = filters.warn === defaultWarn(filters.metric, filters.period)
  if (wasUsual && !('warn' in change)) next.warn = defaultWarn(next.metric, next.period)
  return next
}

/** What a click on a column asks for. What one looks for comes first: the lowest rates, the most that is missing; a third
 * click leads back to the codes. */
export function nextSort(sort: Sort, of: 'code' | 'value' | 'missing'): Sort {
  const orders: Record<typeof of, Sort[]> = { code: ['code'], value: ['value', '-value', 'code'], missing: ['-missing', 'missing', 'code'] }
  const order = orders[of]
  return order[(order.indexOf(sort) + 1) % order.length]
}

/** How a place of some level is shown when nothing else is asked for. */
export function levelBelow(level: string): Level {
  if (level === 'township' || level === 'county') return 'village'
  return 'micro_grid'
}

/** The levels by which a place can be shown. */
export function levelsOf(level: string): Level[] {
  if (level === 'township' || level === 'county') return ['village', 'grid', 'micro_grid', 'branch']
  if (level === 'village' || level === 'branch') return ['grid', 'micro_grid', 'branch']
  return ['micro_grid', 'branch']
}

export const LEVEL_NAMES: Record<string, string> = {
  county: '县',
  township: '乡镇',
  village: '村（社区）',
  group: '村民小组',
  grid: '网格',
  micro_grid: '微网格',
  branch: '党支部',
}
