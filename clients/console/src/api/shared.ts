/** What many views need and what hardly changes: codes with their words, definitions of the figures, the viewer's places. */
import { computed, shallowRef } from 'vue'
import { get, getAll } from './client'
import { keepsBranch, mayReadFigures, session } from './session'
import type { Branch, CodeRow, Codes, Definition, Definitions, Me, Person, Region } from './types'

const codes = shallowRef<Codes | null>(null)
const definitions = shallowRef<Definitions | null>(null)

/** Codes are public and the same for everybody. */
export async function loadCodes(): Promise<Codes> {
  return (codes.value ??= await get('/api/v1/codes'))
}

export async function loadDefinitions(): Promise<Definitions> {
  return (definitions.value ??= await get('/api/v1/coverage/definitions'))
}

export const definitionOf = computed(() => {
  const found = new Map<string, Definition>(definitions.value?.definitions.map((one) => [one.id, one]))
  return (metric: string) => found.get(metric) ?? null
})
/** Why a figure has no rate, in words, by its state. */
export const definitionStates = computed(() => definitions.value?.states ?? {})
export const metricName = computed(() => (metric: string) => definitionOf.value(metric)?.name ?? '')

type Table = { [Name in keyof Codes]: Codes[Name] extends CodeRow[] ? Name : never }[keyof Codes]

/** The words for a code; the code itself while the words are not there. */
export const words = computed(() => (table: Table, code: string) => {
  const rows: CodeRow[] = codes.value?.[table] ?? []
  return rows.find((row) => row.code === code)?.name ?? code
})
export const options = computed(() => (table: Table): CodeRow[] => codes.value?.[table] ?? [])

export async function loadMe(): Promise<Me> {
  return (session.me ??= await get('/api/v1/me'))
}

/** Where the viewer finds the households that nobody is linked to. */
export function gapsPage(): { path: string; query: Record<string, string> } | null {
  if (keepsBranch.value) return { path: '/households', query: { show: 'gap' } }
  return mayReadFigures.value ? { path: '/coverage', query: { list: 'gaps' } } : null
}

export const noteHint = computed(() => codes.value?.note_hint ?? '')

/** A place whose figures the viewer may ask for. */
export interface ViewerPlace {
  kind: 'area' | 'branch'
  id: string
  name: string
  level: string
  /** Whether it is held by a role, and not merely a part of one that is. */
  own: boolean
}

const STAFF = new Set(['area_cadre', 'organization_office', 'township_committee'])

/** The places of the viewer's roles, each with what lies directly below. */
export async function loadPlaces(): Promise<ViewerPlace[]> {
  const me = await loadMe()
  const places: ViewerPlace[] = []
  for (const { role, place } of me.roles) {
    if (place && STAFF.has(role)) places.push(...(await areasAt(place)))
  }
  if (me.roles.some((one) => one.role === 'branch_secretary')) places.push(...(await branchesOf(me)))
  return places.filter((one, index) => places.findIndex((other) => other.id === one.id) === index)
}

async function areasAt(id: string): Promise<ViewerPlace[]> {
  const [region, below] = await Promise.all([
    get('/api/v1/regions/{region_id}', {}, { path: { region_id: id } }),
    getAll((cursor) => get('/api/v1/regions', { parent: id, limit: 200, cursor })),
  ])
  return [asPlace(region, true), ...below.map((one) => asPlace(one, false))]
}

const asPlace = ({ id, name, level }: Pick<Region, 'id' | 'name' | 'level'>, own: boolean): ViewerPlace => ({ kind: 'area', id, name, level, own })

/** The branches in the viewer's places. */
export function loadBranches(): Promise<Branch[]> {
  return getAll((cursor) => get('/api/v1/branches', { limit: 200, cursor }))
}

async function branchesOf(me: Me): Promise<ViewerPlace[]> {
  const held = me.roles.filter((one) => one.role === 'branch_secretary').map((one) => one.place)
  const all = await loadBranches()
  const shown = all.map(({ id, name }) => ({ kind: 'branch' as const, id, name, level: 'branch', own: held.includes(id) }))
  return [...shown.filter((one) => one.own), ...shown.filter((one) => !one.own)]
}

/** What lies directly below the places of the offices, and those places themselves. */
async function areasOfOffice(me: Me): Promise<ViewerPlace[]> {
  const held = me.roles.flatMap(({ role, place }) => (role === 'organization_office' && place ? [place] : []))
  return (await Promise.all(held.map(areasAt))).flat()
}

/** Where the viewer arranges who is linked to whom: villages and branches of the office, the own branches of a secretary. */
export async function loadArranged(): Promise<ViewerPlace[]> {
  const me = await loadMe()
  const [areas, branches] = await Promise.all([areasOfOffice(me), branchesOf(me)])
  return [...areas.filter((one) => !one.own), ...branches]
}

/** The regions for which the viewer answers wholly: below an office, or each of their micro-grids a branch's own. */
export async function loadAnswered(): Promise<ViewerPlace[]> {
  const me = await loadMe()
  const areas = await areasOfOffice(me)
  if (areas.length) return areas
  const branches = await loadBranches()
  const own = new Set(branches.map((one) => one.id))
  const seats = await Promise.all([...new Set(branches.map((one) => one.region_id))].map((id) => get('/api/v1/regions/{region_id}', {}, { path: { region_id: id } })))
  const found = await Promise.all(seats.map((seat) => answeredBelow(seat, own)))
  const places = found.flatMap((one) => one.places)
  return places.filter((one, index) => places.findIndex((other) => other.id === one.id) === index)
}

/** The regions at and below one that branches answer for wholly; `whole` of it, or null where it has no micro-grid. */
async function answeredBelow(region: Region, own: ReadonlySet<string>): Promise<{ places: ViewerPlace[]; whole: boolean | null }> {
  if (region.level === 'micro_grid') {
    const { responsibilities } = await get('/api/v1/regions/{region_id}', {}, { path: { region_id: region.id } })
    const whole = responsibilities.some(({ kind, branch_id }) => kind === 'branch_micro_grid' && branch_id !== null && own.has(branch_id))
    return { places: whole ? [asPlace(region, true)] : [], whole }
  }
  const below = await getAll((cursor) => get('/api/v1/regions', { parent: region.id, limit: 200, cursor }))
  const parts = (await Promise.all(below.map((one) => answeredBelow(one, own)))).filter((one) => one.whole !== null)
  const whole = parts.length ? parts.every((one) => one.whole) : null
  return { places: [...(whole ? [asPlace(region, true)] : []), ...parts.flatMap((one) => one.places)], whole }
}

/** Everybody in service of the viewer's branches, in order of name. */
export function loadPeople(): Promise<Person[]> {
  return getAll((cursor) => get('/api/v1/people', { limit: 200, cursor })).then((people) =>
    people.sort((a, b) => a.name.localeCompare(b.name, 'zh-CN')),
  )
}
