import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bandOf, cellClass, defaultWarn, isLow, scaleOf } from '../src/pure/bands'

const asked = scaleOf('on_time_contact', '2026-11')
const notAsked = scaleOf('visit_coverage', '2026-11')

describe('bands', () => {
  it('begin at their lower bound', () => {
    expect([0, 0.5999, 0.6, 0.7, 0.8, 0.8999, 0.9, 1].map((value) => bandOf(value, asked))).toEqual([0, 0, 1, 2, 3, 3, 4, 4])
    expect([0.19, 0.2, 0.79, 0.8].map((value) => bandOf(value, notAsked))).toEqual([0, 1, 3, 4])
  })
  it('are wide where a month asks nothing of most households', () => {
    expect(notAsked).not.toBe(asked)
    expect(scaleOf('visit_coverage', '2026Q4')).toBe(asked)
    expect(scaleOf('key_visit_coverage', '2026-11')).toBe(asked)
  })
})

describe('the warning line', () => {
  it('is only there where something is asked for', () => {
    expect(defaultWarn('contact_coverage', '2026-11')).toBeNull()
    expect(defaultWarn('contact_coverage', '2026')).toBe(60)
    expect(defaultWarn('must_visit_coverage', '2026-11')).toBe(60)
  })
  it('leaves alone what reaches it, and what has no rate', () => {
    expect(isLow(0.6, 60)).toBe(false)
    expect(isLow(0.5999, 60)).toBe(true)
    expect(isLow(null, 60)).toBe(false)
    expect(isLow(0.1, null)).toBe(false)
  })
  it('colours a cell by one class', () => {
    expect(cellClass(0.55, asked, 60)).toBe('band-low')
    expect(cellClass(0.55, asked, null)).toBe('band-0')
    expect(cellClass(0.95, asked, 60)).toBe('band-4')
    expect(cellClass(null, asked, 60)).toBe('band-none')
  })
})

type Colours = { back: string; ink: string }
function colours(file: string, prefix: string): Record<string, Colours> {
  const css = readFileSync(new URL(`../src/style/${file}`, import.meta.url), 'utf8')
  const found: Record<string, Colours> = {}
  for (const [, name, body] of css.matchAll(new RegExp(`^${prefix}\\.(band-\\w+) \\{([^}]*)\\}`, 'gm'))) {
    const back = /background: (#\w+)/.exec(body)?.[1]
    const ink = /(?:^|[ ;])color: (#\w+)/.exec(body)?.[1]
    if (back && ink) found[name] = { back, ink }
  }
  return found
}

function luminance(hex: string): number {
  const full = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit) : hex.slice(1).match(/../g)!
  const [red, green, blue] = full.map((part) => {
    const share = parseInt(part, 16) / 255
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast({ back, ink }: Colours): number {
  const [light, dark] = [luminance(back), luminance(ink)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

describe.each([
  ['figures.css', '', -1],
  ['wall.css', '\\.wall ', 1],
])('the ramp of %s', (file, prefix, direction) => {
  const found = colours(file, prefix)
  const ramp = ['band-0', 'band-1', 'band-2', 'band-3', 'band-4']
  it('can be read in every band', () => {
    expect(Object.keys(found)).toEqual(expect.arrayContaining([...ramp, 'band-low']))
    for (const [name, pair] of Object.entries(found)) expect(contrast(pair), name).toBeGreaterThanOrEqual(4.5)
  })
  it('goes one way, so that it is a ramp in grey as well', () => {
    const steps = ramp.map((name) => luminance(found[name].back) * direction)
    for (let band = 1; band < steps.length; band++) expect(steps[band]).toBeGreaterThan(steps[band - 1])
  })
})
