/** What the office reads above the feedback it was sent (docs/rules.md S10). */
import type { FeedbackMonth } from '../api/types'
import { count } from './figures'

/** 本月收到 3 条，还有 2 条没有答复；近 12 个月共收到 14 条，已答复 12 条。 */
export function countsLine(months: readonly FeedbackMonth[], today: string): string {
  const here = months.find((one) => one.month === today.slice(0, 7)) ?? { received: 0, answered: 0 }
  const open = here.received - here.answered
  const left = here.received === 0 ? '' : open === 0 ? '，都已答复' : `，还有 ${count(open)} 条没有答复`
  const sum = (column: 'received' | 'answered') => count(months.reduce((total, one) => total + one[column], 0))
  return `本月收到 ${count(here.received)} 条${left}；近 12 个月共收到 ${sum('received')} 条，已答复 ${sum('answered')} 条。`
}

/** 2026-11 -> 2026年11月 */
export const monthName = (month: string): string => `${month.slice(0, 4)}年${Number(month.slice(5))}月`
