/** How figures are written: a rate with its numbers, a word where there is no rate, a difference in words. */
import type { Figure, Rate } from '../api/types'

export const METRICS = [
  'assignment_coverage',
  'assignment_days',
  'contact_coverage',
  'visit_coverage',
  'key_visit_coverage',
  'on_time_contact',
  'must_visit_coverage',
] as const
export type Metric = (typeof METRICS)[number]

/** What the numerator and the denominator count. */
export const UNITS: Record<Metric, string> = {
  assignment_coverage: '户',
  assignment_days: '天',
  contact_coverage: '户',
  visit_coverage: '户',
  key_visit_coverage: '户',
  on_time_contact: '次',
  must_visit_coverage: '次',
}

/** What is not due yet: households, also where days are counted, or obligations. */
export function pendingUnit(metric: Metric): string {
  return UNITS[metric] === '次' ? '次' : '户'
}

/** Why something is not counted yet: of households, those that came into the list shortly before (docs/rules.md C3). */
export function pendingWords(metric: Metric): string {
  return pendingUnit(metric) === '户' ? '刚列入，先不计' : '还没到期'
}

/** What is in the denominator and not in the numerator, as a heading says it. */
export const MISSING: Record<Metric, string> = {
  assignment_coverage: '没有主联',
  assignment_days: '没有主联的天数',
  contact_coverage: '还没联系到',
  visit_coverage: '还没见到',
  key_visit_coverage: '还没见到',
  on_time_contact: '没有按期',
  must_visit_coverage: '没有落实',
}

/** How a figure of a period that still runs is not to be misread. */
export const WHILE_RUNNING: Partial<Record<Metric, string>> = {
  assignment_days: '联系覆盖率（期内）含本期还没有到的日子，按现在的结对算到期末。',
  contact_coverage: '各户该联系的日子不同，本期还没联系到的不一定逾期；有没有逾期，看按期联系率和下面的“逾期未联系”名单。',
  visit_coverage: '各户该走访的日子不同，本期还没见到的不一定逾期；有没有逾期，看按期联系率和下面的“逾期未联系”名单。',
}

/** Short words for the states of a figure; the long ones come with the figure as `note`. */
const STATES: Record<string, string> = {
  few: '不足10',
  none: '无对象',
  pending: '未到期',
  not_started: '未开始',
  unknown: '无数据',
}

export function isMetric(name: unknown): name is Metric {
  return METRICS.includes(name as Metric)
}

/** Made once: a page writes a thousand numbers, and making the format takes longer than using it. */
const NUMBERS = new Intl.NumberFormat('zh-CN')

export function count(number: number): string {
  return NUMBERS.format(number)
}

/**
 * A share as a percentage with one decimal. 100.0% means all and 0.0% means none: what merely rounds to them is shown
 * as 99.9% and 0.1%.
 */
export function percent(value: number): string {
  const rounded = Math.round(value * 1000) / 10
  if (rounded === 100 && value < 1) return '99.9%'
  if (rounded === 0 && value > 0) return '0.1%'
  return `${rounded.toFixed(1)}%`
}

/** The same without decimals, where many stand close together: all and none stay what they are. */
export function wholePercent(value: number): string {
  const rounded = Math.round(value * 100)
  if (rounded === 100 && value < 1) return '99'
  return rounded === 0 && value > 0 ? '1' : String(rounded)
}

/** The rate, or the word for why there is none. */
export function shown(figure: Pick<Rate, 'value' | 'state'>): string {
  return figure.value === null ? (STATES[figure.state] ?? '无数据') : percent(figure.value)
}

/** 1,203 / 1,392 户; nothing where nothing is known. */
export function fraction(figure: Pick<Rate, 'numerator' | 'denominator'>, metric: Metric): string {
  if (figure.numerator === null || figure.denominator === null) return ''
  return `${count(figure.numerator)} / ${count(figure.denominator)} ${UNITS[metric]}`
}

/** What stands large: the rate; of few the numbers, because 不足10 read aloud sounds like a low rate; else the word. */
export function headline(figure: Figure, metric: Metric): string {
  return figure.value === null ? fraction(figure, metric) || shown(figure) : shown(figure)
}

/** What is in the denominator and not in the numerator. */
export function missing(figure: Pick<Rate, 'numerator' | 'denominator'>): number | null {
  return figure.numerator === null || figure.denominator === null ? null : figure.denominator - figure.numerator
}

/** ▲ 升 2.1 个百分点: the sign never stands without its word. */
export function change(difference: number | null): string {
  if (difference === null) return '不能比较'
  const points = Math.abs(difference).toFixed(1)
  if (points === '0.0') return '持平'
  return difference > 0 ? `▲ 升 ${points} 个百分点` : `▼ 降 ${points} 个百分点`
}

/** A figure in one sentence, for those who hear the page. */
export function spoken(name: string, figure: Figure, metric: Metric): string {
  const numbers = fraction(figure, metric)
  const told = figure.value === null ? (figure.note ?? shown(figure)) : shown(figure)
  return [name, told, numbers].filter(Boolean).join('，')
}
