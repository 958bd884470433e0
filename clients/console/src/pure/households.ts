/** A secretary's households with what there is to do about each: lists of the API brought together. */
import { sortable } from '@core/status'
import type { GapRow, Household, MustVisit, OverdueRow, Visit } from '../api/types'

export type Show = 'all' | 'overdue' | 'must' | 'gap'
export type Order = 'group' | 'due'

export interface Line {
  household: Household
  gap: GapRow | null
  overdue: OverdueRow | null
  /** The open must-visit with the nearest deadline. */
  must: MustVisit | null
}

/** Where a household is, on one line: its number, group and micro-grid. */
export function placeOf({ code, group_name, micro_grid }: Household): string {
  return [code, group_name, micro_grid?.name].filter(Boolean).join(' · ')
}

/** A visit that was entered wrongly, and why it is to be voided. */
export interface Wrong {
  visit: Visit
  reason: string
}

/** What can be put right of a household, as a form holds it; nothing known is an empty text. */
export interface HouseholdFields {
  head_name: string
  group_name: string
  phone: string
  address: string
}
export const emptyFields = (): HouseholdFields => ({ head_name: '', group_name: '', phone: '', address: '' })

/** What was changed, as it is sent: a field that was emptied is null. */
export function changedFields(before: HouseholdFields, after: HouseholdFields): Partial<Record<keyof HouseholdFields, string | null>> {
  const names = Object.keys(before) as (keyof HouseholdFields)[]
  return Object.fromEntries(names.filter((name) => after[name].trim() !== before[name]).map((name) => [name, after[name].trim() || null]))
}

/** The newest visit, if it was no contact: somebody went, and nobody was met. */
export function missed(household: Household): { on: string; outcome: string } | null {
  const { last_visit_on: on, last_outcome: outcome, last_contact_on: contact } = household
  return on !== null && outcome !== null && outcome !== 'met' && (contact === null || on >= contact) ? { on, outcome } : null
}

function byHousehold<T>(rows: readonly T[], id: (row: T) => string | null): Map<string, T> {
  const found = new Map<string, T>()
  for (const row of rows) {
    const key = id(row)
    if (key !== null && !found.has(key)) found.set(key, row)
  }
  return found
}

export function linesOf(
  households: readonly Household[],
  gaps: readonly GapRow[],
  overdue: readonly OverdueRow[],
  musts: readonly MustVisit[],
): Line[] {
  const gapOf = byHousehold(gaps, (row) => row.id)
  const overdueOf = byHousehold(overdue, (row) => row.id)
  const mustOf = byHousehold(musts, (row) => row.household_id)
  return households.map((household) => ({
    household,
    gap: gapOf.get(household.id) ?? null,
    overdue: overdueOf.get(household.id) ?? null,
    must: mustOf.get(household.id) ?? null,
  }))
}

export function isShown(line: Line, show: Show): boolean {
  return { all: true, overdue: line.overdue !== null, must: line.must !== null, gap: line.gap !== null }[show]
}

export function counts(lines: readonly Line[]): Record<Show, number> {
  const of = (show: Show): number => lines.filter((line) => isShown(line, show)).length
  return { all: lines.length, overdue: of('overdue'), must: of('must'), gap: of('gap') }
}

/** The day something is due, or was: of a must-visit and regular contact the earlier one. */
export function dueOn(line: Line): string | null {
  const days = [line.must?.due_on, line.overdue?.due_on].filter((day): day is string => day !== undefined)
  return days.sort()[0] ?? null
}

/** By villagers' group, so that nobody crosses the village back and forth, or by what is due first. */
export function ordered(lines: readonly Line[], order: Order): Line[] {
  const place = (line: Line): string => sortable(`${line.household.group_name}\u0000${line.household.code ?? ''}`)
  const byPlace = (a: Line, b: Line): number => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0)
  if (order === 'group') return [...lines].sort(byPlace)
  return [...lines].sort((a, b) => {
    const [left, right] = [dueOn(a) ?? '9999', dueOn(b) ?? '9999']
    return left < right ? -1 : left > right ? 1 : byPlace(a, b)
  })
}

/** Whether this may be the name behind a masked one, or its beginning: 袁德明 and 袁德 may be 袁**. */
export function mayBe(name: string, masked: string): boolean {
  const [said, shown] = [[...name], [...masked]]
  return said.length <= shown.length && said.every((char, index) => shown[index] === '*' || char === shown[index])
}

/** Whether what is searched stands in what is shown, so that it is surely this one. */
export function isNamed({ household }: Line, text: string): boolean {
  const wanted = text.replace(/\s/g, '')
  const { code, head_name, group_name, primary } = household
  return wanted === '' || [code, head_name, group_name, primary?.name].some((one) => one?.includes(wanted))
}

/** Whether what is typed may be a name or its letters: a number is none. */
export const asksName = (text: string): boolean => /\p{L}/u.test(text)

/** Whether somebody looks for this household, by its number, head, group or primary. `heads` are those whose whole name
 * it may be; null while nobody can tell, and then all whom the masked name may stand for. */
export function matches(line: Line, text: string, heads: ReadonlySet<string> | null): boolean {
  return isNamed(line, text) || (heads ? heads.has(line.household.id) : mayBe(text.replace(/\s/g, ''), line.household.head_name))
}
