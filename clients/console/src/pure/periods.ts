/** Periods as the API names them: 2026-11, 2026Q4, 2026. */
import { chinaDay, dayLabel, instantMs } from '@core/dates'

export type PeriodKind = 'month' | 'quarter' | 'year'

/** The day in China, as 2026-11-22. */
export function today(): string {
  return chinaDay(Date.now())
}

export function kindOf(period: string): PeriodKind | null {
  if (/^2\d{3}-(0[1-9]|1[0-2])$/.test(period)) return 'month'
  if (/^2\d{3}Q[1-4]$/.test(period)) return 'quarter'
  return /^2\d{3}$/.test(period) ? 'year' : null
}

/** 2026年11月, 2026年第四季度, 2026年. */
export function periodName(period: string): string {
  const year = period.slice(0, 4)
  const kind = kindOf(period)
  if (kind === 'month') return `${year}年${Number(period.slice(5))}月`
  if (kind === 'quarter') return `${year}年第${'一二三四'[Number(period[5]) - 1]}季度`
  return kind === 'year' ? `${year}年` : period
}

/** The head of a column: 11月, with its year where a new one begins. */
export function shortName(period: string, withYear: boolean): string {
  const kind = kindOf(period)
  const year = period.slice(0, 4)
  if (kind === 'year') return year
  const short = kind === 'month' ? `${Number(period.slice(5))}月` : `${period[5]}季`
  return withYear ? `${short}\n${year}` : short
}

/** The periods to choose from, the newest first: thirteen months, five quarters, two years. */
export function periodsUntil(day: string): Record<PeriodKind, string[]> {
  const year = Number(day.slice(0, 4))
  const month = Number(day.slice(5, 7))
  const months = Array.from({ length: 13 }, (_, back) => {
    const count = year * 12 + month - 1 - back
    return `${Math.floor(count / 12)}-${String((count % 12) + 1).padStart(2, '0')}`
  })
  const quarters = Array.from({ length: 5 }, (_, back) => {
    const count = year * 4 + Math.floor((month - 1) / 3) - back
    return `${Math.floor(count / 4)}Q${(count % 4) + 1}`
  })
  return { month: months, quarter: quarters, year: [String(year), String(year - 1)] }
}

/** The first day after a period. */
function until(period: string): string {
  const year = Number(period.slice(0, 4))
  const kind = kindOf(period)
  const month = kind === 'month' ? Number(period.slice(5)) + 1 : kind === 'quarter' ? Number(period[5]) * 3 + 1 : 13
  return month > 12 ? `${year + 1}-01-01` : `${year}-${String(month).padStart(2, '0')}-01`
}

/** Whether a period still runs, so that its figures are those of a part of it. */
export function isRunning(period: string, day: string): boolean {
  return kindOf(period) !== null && until(period) > day
}

/** 2026年11月22日 14:05. */
export function momentName(instant: string): string {
  const ms = instantMs(instant)
  // In China the clock is always eight hours ahead, so the UTC clock of the shifted moment is China's.
  return `${dayLabel(chinaDay(ms), '')} ${new Date(ms + 8 * 3_600_000).toISOString().slice(11, 16)}`
}
