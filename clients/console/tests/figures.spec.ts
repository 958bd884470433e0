import { describe, expect, it } from 'vitest'
import { change, fraction, headline, missing, percent, shown, spoken } from '../src/pure/figures'
import { aFigure, FEW, UNKNOWN } from './make'

describe('a rate', () => {
  it('has one decimal', () => {
    expect(percent(0.8642)).toBe('86.4%')
    expect(percent(0.5)).toBe('50.0%')
  })
  it('says all only of all, and none only of none', () => {
    expect(percent(1)).toBe('100.0%')
    expect(percent(0.9997)).toBe('99.9%')
    expect(percent(0)).toBe('0.0%')
    expect(percent(0.0003)).toBe('0.1%')
  })
  it('is a word where there is none, and never 0', () => {
    expect(shown(FEW)).toBe('不足10')
    expect(shown(UNKNOWN)).toBe('无数据')
    const words = ['none', 'pending', 'not_started'].map((state) => shown({ value: null, state }))
    expect(new Set(words).size).toBe(3)
    expect(words.join()).not.toMatch(/\d/)
  })
})

describe('the numbers of a rate', () => {
  it('carry what they count', () => {
    expect(fraction(aFigure({ numerator: 1203, denominator: 1392 }), 'visit_coverage')).toBe('1,203 / 1,392 户')
    expect(fraction(aFigure({ numerator: 9, denominator: 30 }), 'assignment_days')).toBe('9 / 30 天')
    expect(fraction(aFigure(), 'on_time_contact')).toBe('10 / 20 次')
  })
  it('are also there for too few', () => {
    expect(fraction(FEW, 'visit_coverage')).toBe('3 / 7 户')
    expect(missing(FEW)).toBe(4)
  })
  it('are not invented', () => {
    expect(fraction(UNKNOWN, 'visit_coverage')).toBe('')
    expect(missing(UNKNOWN)).toBeNull()
  })
})

it('says a change in words beside the sign', () => {
  expect(change(2.14)).toBe('▲ 升 2.1 个百分点')
  expect(change(-0.5)).toBe('▼ 降 0.5 个百分点')
  expect(change(0.04)).toBe('持平')
  expect(change(null)).toBe('不能比较')
})

it('reads a figure aloud with its numbers, or with why it has none', () => {
  expect(spoken('石桥村', aFigure(), 'visit_coverage')).toBe('石桥村，50.0%，10 / 20 户')
  expect(spoken('石桥村', FEW, 'visit_coverage')).toBe('石桥村，不足 10，只列数目，不计比率，3 / 7 户')
})

it('of too few the numbers stand large, and no word that sounds like a low rate', () => {
  expect(headline(FEW, 'must_visit_coverage')).toBe('3 / 7 次')
  expect(headline(UNKNOWN, 'visit_coverage')).toBe('无数据')
  expect(headline(aFigure(), 'visit_coverage')).toBe('50.0%')
})
