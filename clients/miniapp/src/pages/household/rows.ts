// The visits of a household as they are shown: those still on this phone, then those that the server knows.

import type { Item } from '@core/queue'
import type { HistoryRow } from '@/store'

export interface Row extends Omit<HistoryRow, 'id'> {
  id: string
  /** What this phone still says of it; null for one that the server told. */
  here: Item['state'] | null
}

/** A visit that the server told is shown once, as it told it. Newest first. */
export function rowsOf(items: readonly Item[], told: readonly HistoryRow[], nameOf: (personId: string) => string): Row[] {
  const rows: Row[] = told.map((row) => ({ ...row, here: null }))
  for (const { visit, state, voided } of items)
    if (!told.some((row) => row.id === visit.client_id))
      rows.push({
        id: visit.client_id,
        occurred_on: visit.occurred_on,
        mode: visit.mode,
        outcome: visit.outcome,
        topics: visit.topics || [],
        note: visit.note || null,
        voided,
        visitor: '我',
        companions: (visit.companion_ids || []).map(nameOf),
        needs_follow_up: !!visit.needs_follow_up,
        mine: true,
        here: state,
      })
  return rows.sort((a, b) => (a.occurred_on < b.occurred_on ? 1 : a.occurred_on > b.occurred_on ? -1 : 0))
}
