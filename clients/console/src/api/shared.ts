/** What many views need and what hardly changes: codes with their words, definitions of the figures, the viewer's places. */
import { computed, shallowRef } from 'vue'
import { get, getAll } from './client'
import { session } from './session'
import type { CodeRow, Codes, Definition, Definitions, Me, Person } from './types'

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
  const head = { kind: 'area' as const, id, name: region.name, level: region.level, own: true }
  return [head, ...below.map(({ id, name, level }) => ({ kind: 'area' as const, id, name, level, own: false }))]
}

async function branchesOf(me: Me): Promise<ViewerPlace[]> {
  const held = me.roles.filter((one) => one.role === 'branch_secretary').map((one) => one.place)
  const all = await getAll((cursor) => get('/api/v1/branches', { limit: 200, cursor }))
  const shown = all.map(({ id, name }) => ({ kind: 'branch' as const, id, name, level: 'branch', own: held.includes(id) }))
  return [...shown.filter((one) => one.own), ...shown.filter((one) => !one.own)]
}

/** Everybody in service of the viewer's branches, in order of name. */
export function loadPeople(): Promise<Person[]> {
  return getAll((cursor) => get('/api/v1/people', { limit: 200, cursor })).then((people) =>
    people.sort((a, b) => a.name.localeCompare(b.name, 'zh-CN')),
  )
}
