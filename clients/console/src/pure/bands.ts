/** Five named bands of one blue ramp, and the warning line below which amber asks for attention. */
import type { Metric } from './figures'
import { kindOf } from './periods'

export interface Scale {
  /** Lower bounds of the second to the fifth band. */
  edges: readonly [number, number, number, number]
  names: readonly [string, string, string, string, string]
}

export type Band = 0 | 1 | 2 | 3 | 4

/** For what is asked of every household: differences lie near the top. */
const ASKED: Scale = {
  edges: [0.6, 0.7, 0.8, 0.9],
  names: ['不到六成', '六成多', '七成多', '八成多', '九成以上'],
}
/** For what no rule asks for within a month: all of the way from none to all. */
const NOT_ASKED: Scale = {
  edges: [0.2, 0.4, 0.6, 0.8],
  names: ['不到两成', '两成到四成', '四成到六成', '六成到八成', '八成以上'],
}

/** An ordinary household is met every 90 days: in a single month most need not be, and nothing is amiss. */
export function isAsked(metric: Metric, period: string): boolean {
  return !(kindOf(period) === 'month' && (metric === 'contact_coverage' || metric === 'visit_coverage'))
}

export function scaleOf(metric: Metric, period: string): Scale {
  return isAsked(metric, period) ? ASKED : NOT_ASKED
}

export function bandOf(value: number, scale: Scale): Band {
  return scale.edges.filter((edge) => value >= edge).length as Band
}

export const WARN_CHOICES = [50, 60, 70, 80, 90] as const
const WARN_AT = 60

/** The warning line in percent that holds until the viewer chooses another; null: none. */
export function defaultWarn(metric: Metric, period: string): number | null {
  return isAsked(metric, period) ? WARN_AT : null
}

export function isLow(value: number | null, warn: number | null): boolean {
  return value !== null && warn !== null && value * 100 < warn
}

/** The classes of a coloured cell. */
export function cellClass(value: number | null, scale: Scale, warn: number | null): string {
  if (value === null) return 'band-none'
  return isLow(value, warn) ? 'band-low' : `band-${bandOf(value, scale)}`
}
