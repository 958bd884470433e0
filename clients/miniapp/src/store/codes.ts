// Words of all codes, and who runs this: fetched when there is a network, known without one.

import type { About, Codes } from '@core/api'
import { reactive, readonly } from 'vue'
import { api, cache, clock, read } from './ground'

interface Kept {
  codes: Codes
  fetched_ms: number
}

const KEY = 'codes'
const ABOUT = 'about'
const DAY = 24 * 3600 * 1000

const none: Codes = {
  modes: [],
  outcomes: [],
  topics: [],
  backfill_reasons: [],
  void_reasons: [],
  assignment_sources: [],
  assignment_steps: [],
  end_reasons: [],
  person_kinds: [],
  abilities: [],
  exemption_reasons: [],
  leave_reasons: [],
  residences: [],
  tier_reasons: [],
  tag_kinds: [],
  run_states: [],
  import_kinds: [],
  must_visit_kinds: [],
  withdraw_reasons: [],
  drill_purposes: [],
  drill_reasons: [],
  gap_reasons: [],
  obligation_kinds: [],
  must_visit_states: [],
  explained_visits: [],
  explained_days: [],
  explained_columns: [],
  visitors: [],
  frozen_parts: [],
  changes: [],
  // Known without a network: feedback is written also by those who never signed in.
  feedback_kinds: [
    { code: 'suggestion', name: '建议' },
    { code: 'complaint', name: '投诉' },
    { code: 'fault', name: '程序故障' },
  ],
  feedback_states: [
    { code: 'received', name: '已收到' },
    { code: 'answered', name: '已答复' },
  ],
  roles: [],
  rules: [],
  note_hint: '',
}

const state = reactive({ current: none })
let fetched_ms = 0

export const codes = readonly(state) as { readonly current: Codes }

export async function loadCodes(): Promise<void> {
  const kept = await read<Kept>(KEY)
  if (!kept) return
  state.current = { ...none, ...kept.codes }
  fetched_ms = kept.fetched_ms
}

/** Once a day. Without an answer the old words stay. */
export async function fetchCodes(): Promise<void> {
  const now = clock.now()
  if (state.current.topics.length && Math.abs(now - fetched_ms) < DAY) return
  try {
    const codes = await api.codes()
    state.current = { ...none, ...codes }
    fetched_ms = now
    await cache(KEY, { codes, fetched_ms })
  } catch {
    return
  }
}

type CodeList = { [name in keyof Codes]: Codes[name] extends string ? never : name }[keyof Codes]

/** The word for a code; the code itself while its word is not known. */
export function word(list: CodeList, code: string): string {
  const row = state.current[list].filter((one) => one.code === code)[0]
  return row ? row.name : code
}

/** Who runs this. Throws when there is no network and it was never known. */
export async function about(): Promise<About> {
  try {
    const found = await api.about()
    await cache(ABOUT, found)
    return found
  } catch (error) {
    const kept = await read<About>(ABOUT)
    if (kept) return kept
    throw error
  }
}
