/** Proposals of links in words: what one would do to each household, and how many households each person then has. */
import { chinaDay, dayLabel, instantMs } from '@core/dates'
import { sortable } from '@core/status'
import type { Branch, Person, Proposal, ProposalItem } from '../api/types'
import { count } from './figures'
import { mayBe } from './households'

/** What becomes of a household: somebody where nobody was, somebody else, whoever it is now, or nobody still. */
export type Fate = 'new' | 'moved' | 'same' | 'left'
export type Which = 'all' | 'left' | 'moved' | 'edited' | 'stale'
/** Why something cannot be made of a household now, in the server's sentence, by household. */
export type Stale = Readonly<Record<string, string>>

/** Left out for now means: as it is. */
export function fateOf({ person_id, current_id }: Pick<ProposalItem, 'person_id' | 'current_id'>): Fate {
  if (person_id === null) return current_id === null ? 'left' : 'same'
  if (current_id === null) return 'new'
  return person_id === current_id ? 'same' : 'moved'
}

export function countFates(items: readonly ProposalItem[]): Record<Fate, number> {
  const counts: Record<Fate, number> = { new: 0, moved: 0, same: 0, left: 0 }
  for (const item of items) counts[fateOf(item)] += 1
  return counts
}

export function isOf(which: Which, item: ProposalItem, stale: Stale): boolean {
  if (which === 'all') return true
  if (which === 'edited') return item.edited
  return which === 'stale' ? item.household_id in stale : fateOf(item) === which
}

/** A group by its number, however that is written: 一组, 1组 and 第一村民小组 are the first; those with a name come after. */
function groupKey(name: string): string {
  const plain = sortable(name.normalize('NFKC').replace(/\s/g, ''))
  const number = /^第?(\d{8})(村民)?小?组?$/.exec(plain)?.[1]
  return number ? `0${number}` : `1${plain}`
}

/** As one goes through the place: by micro-grid, group and number; those without a number come last. */
export function inPlaceOrder(items: readonly ProposalItem[]): ProposalItem[] {
  const keyed = items.map((item) => {
    const code = item.code === null ? '1' : `0${sortable(item.code)}`
    return { item, keys: [sortable(item.micro_grid_name ?? ''), groupKey(item.group_name ?? ''), code, item.head_name] }
  })
  keyed.sort((a, b) => a.keys.reduce((found, key, index) => found || key.localeCompare(b.keys[index], 'zh-CN'), 0))
  return keyed.map(({ item }) => item)
}

/** Whether somebody looks for this household: by number, head, group, micro-grid, or who has it or is to have it. `heads`
 * are those whose whole name it may be; null while nobody can tell, and then all whom the masked name may stand for. */
export function isSought(item: ProposalItem, text: string, heads: ReadonlySet<string> | null): boolean {
  const wanted = text.replace(/\s/g, '')
  const { code, head_name, group_name, micro_grid_name, current_name, person_name } = item
  if (wanted === '' || [code, head_name, group_name, micro_grid_name, current_name, person_name].some((one) => one?.includes(wanted))) return true
  return heads ? heads.has(item.household_id) : mayBe(wanted, head_name)
}

const told = (parts: [string, number][]): string => parts.filter(([, number]) => number > 0).map(([word, number]) => `${word} ${count(number)} 户`).join('，')

/** What a proposal would do, in one sentence. */
export function summary(items: readonly ProposalItem[]): string {
  if (items.length === 0) return '没有要安排的户，每一户都有主联党员。'
  const fates = countFates(items)
  const filled = items.length - fates.left
  const parts = told([['新安排', fates.new], ['换人', fates.moved], ['照旧', fates.same]])
  const found = `${count(filled)} 户有了人选${fates.moved || fates.same ? `（${parts}）` : ''}`
  return `${found}，${fates.left ? `${count(fates.left)} 户没有安排` : '没有空着的户'}。`
}

/** What will happen when it is applied, said before it is done. */
export function consequences(items: readonly ProposalItem[], from: string): string[] {
  const fates = countFates(items)
  const said = [`从${dayLabel(from, '')}起，${count(fates.new + fates.moved)} 户有新的主联党员。`]
  if (fates.moved) said.push(`其中 ${count(fates.moved)} 户是换人，原来的主联到前一天为止。`)
  if (fates.same) said.push(`${count(fates.same)} 户照旧，不改。`)
  if (fates.left) said.push(`${count(fates.left)} 户没有安排，仍是空白点。`)
  return [...said, '要么全部定下，要么一户也不改；有定不下的户，会指给你看。']
}

/** 没有定下, or the day on which it was, and from which on. */
export function stateWords({ applied_at, from }: Proposal): string {
  return applied_at ? `${dayLabel(chinaDay(instantMs(applied_at)), '')}定下，从${dayLabel(from, '')}起` : '没有定下'
}

/** People who may be meant: of the branches that sit in the place or are proposed for it, else all. They stay in order of name. */
export function candidates(people: readonly Person[], branches: readonly Branch[], items: readonly ProposalItem[], place: string): Person[] {
  const near = new Set(branches.filter((one) => [one.id, one.parent_id, one.region_id].includes(place)).map((one) => one.id))
  const named = new Set(items.flatMap((one) => [one.person_id, one.current_id]))
  for (const one of people) if (named.has(one.id)) near.add(one.branch_id)
  const found = people.filter((one) => near.has(one.branch_id))
  return found.length ? found : [...people]
}

export interface Load {
  person: Person
  now: number
  after: number
}

/** How many households each has and would have, in the order of the people: by name, never by a number (docs/rules.md P2). */
export function loadsOf(people: readonly Person[], items: readonly ProposalItem[]): Load[] {
  const change = new Map<string | null, number>()
  for (const item of items) {
    if (!['new', 'moved'].includes(fateOf(item))) continue
    change.set(item.person_id, (change.get(item.person_id) ?? 0) + 1)
    change.set(item.current_id, (change.get(item.current_id) ?? 0) - 1)
  }
  return people.map((person) => ({ person, now: person.load, after: person.load + (change.get(person.id) ?? 0) }))
}
