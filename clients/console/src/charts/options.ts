/** Options of the charts: pure functions of the API's answers, without ECharts itself, so that tests can read them. */
import type { LineSeriesOption } from 'echarts/charts'
import type { GridComponentOption, MarkLineComponentOption, TooltipComponentOption } from 'echarts/components'
import type { ComposeOption } from 'echarts/core'
import type { Series } from '../api/types'
import { fraction, percent, shown, type Metric } from '../pure/figures'
import { periodName, shortName } from '../pure/periods'

export type Option = ComposeOption<LineSeriesOption | GridComponentOption | TooltipComponentOption | MarkLineComponentOption>

export interface Look {
  ink: string
  quiet: string
  line: string
  data: string
  attention: string
  card: string
  size: number
  thick: number
}
export const PAPER: Look = {
  ink: '#1d2129', quiet: '#4e5969', line: '#e5e6eb', data: '#2f7397', attention: '#a85a00', card: '#fff', size: 13, thick: 2.5,
}
export const WALL: Look = {
  ink: '#f2f4f8', quiet: '#b3bfd1', line: '#24344f', data: '#5cb3d6', attention: '#f0b23f', card: '#121e33', size: 18, thick: 4,
}
const FONT = 'PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif'

/** What the marks of the curve mean, for its heading. */
/** How the picture is read; an axis that does not begin at nothing is said, or a slope looks like a collapse. */
export function trendHint(periods: Series['periods'], warn: number | null): string {
  const from = axisFrom(valuesOf(periods, warn))
  const line = warn === null ? '' : `；虚线是提醒线 ${warn}%`
  return `实心点已定稿，空心点还会变${line}${from === 0 ? '' : `；竖轴从 ${Math.round(from * 100)}% 起`}`
}

/** All that the picture has to hold. */
function valuesOf(periods: Series['periods'], warn: number | null): number[] {
  const values = periods.map((one) => one.figure.value).filter((value): value is number => value !== null)
  return warn === null ? values : [...values, warn / 100]
}

/** Where the axis begins: at nothing, or on the tick below the least value where all of them are so high that only
 * their upper half shows a difference. A low figure close to the bottom would look like none. */
function axisFrom(values: number[]): number {
  const least = Math.min(1, ...values) - 0.03
  return values.length && least >= 0.5 ? Math.floor(least * 10) / 10 : 0
}

/**
 * A figure over the periods. What is frozen is a full point, what still moves an empty one; a period without a value
 * leaves a gap, because a line through it would claim one.
 */
export function trendOption(periods: Series['periods'], metric: Metric, warn: number | null, look: Look): Option {
  const values = periods.map((one) => one.figure.value)
  const least = axisFrom(valuesOf(periods, warn))
  const text = { color: look.quiet, fontSize: look.size }
  const last = values.reduceRight<number>((found, value, index) => (found < 0 && value !== null ? index : found), -1)
  return {
    textStyle: { fontFamily: FONT },
    animation: false,
    grid: { left: 6, right: look.size * 4.6, top: look.size * 1.6, bottom: 4, containLabel: true },
    tooltip: {
      trigger: 'axis',
      formatter: (points) => {
        const index = (Array.isArray(points) ? points[0] : points)?.dataIndex ?? 0
        const { period, figure, frozen } = periods[index]
        return `${periodName(period)}（${frozen ? '定稿' : '未定稿'}）<br>${shown(figure)}　${fraction(figure, metric) || (figure.note ?? '')}`
      },
    },
    xAxis: {
      type: 'category',
      boundaryGap: false,
      data: periods.map(({ period }, index) => {
        const first = index === 0 || periods[index - 1].period.slice(0, 4) !== period.slice(0, 4)
        return shortName(period, first)
      }),
      axisLabel: { ...text, interval: 0, lineHeight: look.size * 1.4 },
      axisLine: { lineStyle: { color: look.line } },
      axisTick: { show: false },
    },
    yAxis: {
      type: 'value',
      min: least,
      max: 1,
      interval: least === 0 ? 0.2 : 0.1,
      axisLabel: { ...text, formatter: (value: number) => `${Math.round(value * 100)}%` },
      splitLine: { lineStyle: { color: look.line } },
    },
    series: [
      {
        type: 'line',
        data: periods.map(({ figure, frozen }, index) => ({
          value: figure.value ?? '-',
          symbol: frozen ? 'circle' : 'emptyCircle',
          label: {
            show: index === last,
            position: 'right',
            formatter: () => (figure.value === null ? '' : percent(figure.value)),
            color: look.ink,
            fontSize: look.size + 3,
            fontWeight: 600,
          },
        })),
        symbolSize: look.thick * 3,
        lineStyle: { width: look.thick, color: look.data },
        itemStyle: { color: look.data },
        markLine: {
          symbol: 'none',
          silent: true,
          lineStyle: { color: look.attention, type: 'dashed', width: 1 },
          // Named in the heading: beside the line it would lie on the curve.
          label: { show: false },
          data: warn === null ? [] : [{ yAxis: warn / 100 }],
        },
      },
    ],
  }
}
