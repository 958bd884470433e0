/** Imports in words: what each sheet is for, and what came of one. */
import type { Run } from '../api/types'
import { count } from './figures'

interface Kind {
  /** What it is for, in one line. */
  use: string
  /** What its rows are counted in. */
  unit: string
  /** What somebody must be allowed to do, beside importing. */
  verb: string
}

/** In no order: that is the server's, in its codes. */
const KINDS: Record<string, Kind> = {
  places: { use: '村、网格、微网格，各由哪个支部负责。', unit: '条', verb: 'region.edit' },
  people: { use: '支部的党员、干部、网格员、村民代表。', unit: '人', verb: 'person.edit' },
  accounts: { use: '给党员邀请码，给书记和干部登录账号。', unit: '个', verb: 'person.invite' },
  households: { use: '每户一行：户主、村民小组、居住情况、要不要重点联系。', unit: '户', verb: 'household.create' },
  homes: { use: '哪一户是哪位党员自己的家。自己家不算联系户。', unit: '条', verb: 'household.edit' },
  links: { use: '哪位党员联系哪一户，按已经商定的填。', unit: '户', verb: 'assignment.create' },
  residences: { use: '以后用：外出、搬走、回来了的户，只填有变化的。', unit: '户', verb: 'household.edit' },
  tags: { use: '以后用：低保、特困等帮扶标签。', unit: '条', verb: 'household.edit' },
}

/** No file may be larger; the server refuses it, and saying so first saves the wait. */
export const MOST_BYTES = 20 * 1024 * 1024

export const useOf = (kind: string): string => KINDS[kind]?.use ?? ''
const unitOf = (kind: string): string => KINDS[kind]?.unit ?? '行'
export const verbOf = (kind: string): string => KINDS[kind]?.verb ?? 'import.run'

/** Why a file is not sent at all; null: it may go. */
export function refusal({ name, size }: { name: string; size: number }): string | null {
  if (size === 0) return `“${name}”是空的，请核对是不是选错了文件。`
  if (size > MOST_BYTES) return `“${name}”有 ${Math.ceil(size / 1024 / 1024)} MB，最大只能 20 MB。请把表格里的图片删掉，或者分成几个文件。`
  return null
}

const isApplied = ({ counts }: Run): boolean => counts.applied === 1
const changes = ({ counts }: Run): number => (counts.new ?? 0) + (counts.changed ?? 0)

export type Outcome = 'ready' | 'same' | 'empty' | 'faults' | 'applied'

/** What came of an import that is done. */
export function outcomeOf(run: Run): Outcome {
  if (run.counts.faults) return 'faults'
  if (!run.counts.rows) return 'empty'
  if (isApplied(run)) return 'applied'
  return changes(run) ? 'ready' : 'same'
}

/** The kinds whose newest import that is done left nothing to do; the runs come newest first. */
export function importedKinds(runs: readonly Run[]): Set<string> {
  const newest = new Map<string, Run>()
  for (const run of runs) if (run.state === 'done' && !newest.has(run.kind)) newest.set(run.kind, run)
  return new Set([...newest.values()].filter((run) => ['applied', 'same'].includes(outcomeOf(run))).map(({ kind }) => kind))
}

/** 新增 3 户、改动 1 户、不变 96 户 */
export function countsWords({ kind, counts }: Run): string {
  const unit = unitOf(kind)
  const told: [string, number | undefined][] = [['新增', counts.new], ['改动', counts.changed], ['不变', counts.same]]
  return told.map(([word, number]) => `${word} ${count(number ?? 0)} ${unit}`).join('、')
}

/** What came of an import, in one sentence. */
export function sentenceOf(run: Run): string {
  const { counts, kind } = run
  return {
    ready: `可以导入：${countsWords(run)}。`,
    same: `表格里的 ${count(counts.rows ?? 0)} ${unitOf(kind)}和系统里一样，不用导入。`,
    empty: '表格里没有可以导入的行。请把名册填在标题行下面，再选一次这个文件。',
    faults: `有 ${count(counts.faulty_rows ?? 0)} 行要改，共 ${count(counts.faults ?? 0)} 处。系统里什么也没有改变。`,
    applied: `已导入：${countsWords(run)}。`,
  }[outcomeOf(run)]
}

interface Fault {
  header: string
}

/** The headers under which something is wrong, each with how often, in the order of their first fault. */
export function faultHeaders(faults: readonly Fault[]): { header: string; count: number }[] {
  const found = new Map<string, number>()
  for (const { header } of faults) found.set(header, (found.get(header) ?? 0) + 1)
  return [...found].map(([header, number]) => ({ header, count: number }))
}

/** Rows by why they were left out: 第 3、7 行：… */
export function ignoredWords(ignored: readonly { row: number; why: string }[], most: number): string[] {
  const byWhy = new Map<string, number[]>()
  for (const { row, why } of ignored) byWhy.set(why, [...(byWhy.get(why) ?? []), row])
  return [...byWhy].map(([why, rows]) => {
    const named = rows.slice(0, most).join('、')
    return rows.length > most ? `第 ${named} 行等 ${rows.length} 行：${why}` : `第 ${named} 行：${why}`
  })
}
