import { describe, expect, it } from 'vitest'
import type { Run } from '../src/api/types'
import { countsWords, faultHeaders, ignoredWords, importedKinds, MOST_BYTES, outcomeOf, refusal, sentenceOf } from '../src/pure/imports'
import { isOver, stepWords } from '../src/pure/runs'

const run = (counts: Run['counts'], change: Partial<Run> = {}) => ({ kind: 'households', state: 'done', step: null, done_count: 0, total_count: null, counts, ...change }) as Run

describe('what came of an import', () => {
  it.each([
    ['ready', { rows: 4, new: 3, changed: 1, same: 0, faults: 0, applied: 0 }, '可以导入：新增 3 户、改动 1 户、不变 0 户。'],
    ['same', { rows: 4, new: 0, changed: 0, same: 4, faults: 0, applied: 0 }, '表格里的 4 户和系统里一样，不用导入。'],
    ['applied', { rows: 4, new: 0, changed: 0, same: 4, faults: 0, applied: 1 }, '已导入：新增 0 户、改动 0 户、不变 4 户。'],
    ['faults', { rows: 4, new: 3, faults: 2, faulty_rows: 1, applied: 0 }, '有 1 行要改，共 2 处。系统里什么也没有改变。'],
    ['faults', { rows: 0, faults: 1, faulty_rows: 1 }, '有 1 行要改，共 1 处。系统里什么也没有改变。'],
    ['empty', { rows: 0, new: 0, faults: 0 }, '表格里没有可以导入的行。请把名册填在标题行下面，再选一次这个文件。'],
  ])('is %s', (outcome, counts, sentence) => {
    expect(outcomeOf(run(counts))).toBe(outcome)
    expect(sentenceOf(run(counts))).toBe(sentence)
  })

  it('counts in what the sheet is about, also where that is not known', () => {
    expect(countsWords(run({ new: 2000 }, { kind: 'people' }))).toBe('新增 2,000 人、改动 0 人、不变 0 人')
    expect(countsWords(run({ new: 1 }, { kind: 'else' }))).toBe('新增 1 行、改动 0 行、不变 0 行')
  })
})

it('a step is done when the newest import that is over left nothing to do', () => {
  const of = (kind: string, counts: Run['counts'], state = 'done') => run(counts, { kind, state } as Partial<Run>)
  const runs = [of('people', {}, 'running'), of('people', { rows: 2, applied: 1 }), of('places', { rows: 2, same: 2 }), of('links', { rows: 1, faults: 1 }), of('links', { rows: 1, applied: 1 })]
  expect([...importedKinds(runs)]).toEqual(['people', 'places'])
})

it('a file that the server would not take is not sent', () => {
  expect(refusal({ name: 'a.xlsx', size: MOST_BYTES })).toBeNull()
  expect(refusal({ name: 'a.xlsx', size: MOST_BYTES + 1 })).toContain('21 MB')
  expect(refusal({ name: 'a.xlsx', size: 0 })).toContain('空的')
})

it('faults are found by header, in the order in which they come', () => {
  expect(faultHeaders([{ header: '电话' }, { header: '' }, { header: '电话' }])).toEqual([{ header: '电话', count: 2 }, { header: '', count: 1 }])
})

it('rows left out are said together by why', () => {
  const ignored = [{ row: 3, why: '合计行' }, { row: 5, why: '空行' }, { row: 7, why: '合计行' }]
  expect(ignoredWords(ignored, 5)).toEqual(['第 3、7 行：合计行', '第 5 行：空行'])
  expect(ignoredWords(ignored, 1)).toEqual(['第 3 行等 2 行：合计行', '第 5 行：空行'])
})

it('says how far a run is', () => {
  expect(stepWords(run({}, { state: 'waiting' }))).toBe('排队中，马上开始')
  expect(stepWords(run({}, { state: 'running', step: 'deciding', done_count: 10, total_count: 1200 }))).toBe('正在逐行检查，10 / 1,200')
  expect(stepWords(run({}, { state: 'running', step: 'new step' }))).toBe('正在处理…')
  expect(['waiting', 'running', 'done', 'failed', 'stopped'].map((state) => isOver({ state } as Run))).toEqual([false, false, true, true, true])
})
