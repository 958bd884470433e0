import { expect, it } from 'vitest'
import { PAPER, trendHint, trendOption } from '../src/charts/options'
import { aFigure, UNKNOWN } from './make'

const periods = [
  { period: '2025-12', frozen: true, figure: aFigure({ value: 0.72, frozen: true }) },
  { period: '2026-01', frozen: true, figure: UNKNOWN },
  { period: '2026-02', frozen: false, figure: aFigure({ value: 0.81 }) },
]
type Point = { value: number | string; symbol: string; label: { show: boolean } }
const option = trendOption(periods, 'visit_coverage', 60, PAPER)
const points = (option.series as { data: Point[] }[])[0].data

it('leaves a gap where nothing is known, and never draws it as 0', () => {
  expect(points.map((point) => point.value)).toEqual([0.72, '-', 0.81])
})

it('tells what is frozen from what still moves, and names the last value', () => {
  expect(points.map((point) => point.symbol)).toEqual(['circle', 'circle', 'emptyCircle'])
  expect(points.map((point) => point.label.show)).toEqual([false, false, true])
})

it('keeps every value and the warning line inside the axis, and no label out', () => {
  expect((option.yAxis as { min: number }).min).toBeLessThan(0.6)
  expect((option.xAxis as { axisLabel: { interval: number } }).axisLabel.interval).toBe(0)
})

it('has no warning line where none is set', () => {
  const series = trendOption(periods, 'visit_coverage', null, PAPER).series as { markLine: { data: unknown[] } }[]
  expect(series[0].markLine.data).toEqual([])
})

it('names the warning line in the heading, and only where there is one', () => {
  expect(trendHint([], 60)).toContain('提醒线 60%')
  expect(trendHint([], null)).not.toContain('提醒线')
})

it('says where the axis begins when that is not at nothing', () => {
  expect(trendHint(periods, 60)).toContain('竖轴从 50% 起')
  expect(trendHint([{ ...periods[0], figure: aFigure({ value: 0.2 }) }], null)).not.toContain('竖轴')
})
