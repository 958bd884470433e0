import type { Figure, GapRow, Household, MustVisit, OverdueRow, ProposalItem } from '../src/api/types'

export function aFigure(given: Partial<Figure> = {}): Figure {
  return {
    value: 0.5, numerator: 10, denominator: 20, pending: 0, state: 'measured', note: null, beside: {}, frozen: false, revised: null,
    ...given,
  }
}

export const FEW = aFigure({ value: null, numerator: 3, denominator: 7, state: 'few', note: '不足 10，只列数目，不计比率' })
export const UNKNOWN = aFigure({ value: null, numerator: null, denominator: null, pending: null, state: 'unknown', note: '没有数据' })

export function aHousehold(id: string, given: Partial<Household> = {}): Household {
  return {
    id, code: id, group_name: '一组', head_name: '王**', has_phone: true, address: null, micro_grid: null, residence: 'resident',
    tier: 'ordinary', primary: null, last_contact_on: null, last_visit_on: null, last_outcome: null, opened_on: '2026-01-01', closed_on: null, access: 'area', version: 1,
    ...given,
  }
}

const listed = (id: string | null) => ({ id, code: id, group_name: '一组', head_name: '王**', micro_grid: { id: 'g', name: '一网格' } })
export const aGap = (id: string | null): GapRow => ({ ...listed(id), gap_days: 10, since: '2026-11-12', reason: 'never_linked', words: '从未结对' })
export const anOverdue = (id: string, due_on: string): OverdueRow => ({ ...listed(id), kind: 'ordinary', words: '普通户定期联系', due_on, days_overdue: 1 })
export const aMust = (household_id: string, due_on: string): MustVisit => ({
  id: `must-${household_id}-${due_on}`, client_id: 'c', household_id, kind: 'illness', since: due_on, due_on, source: 'staff', state: 'open', met_on: null,
})
export const anItem = (household_id: string, given: Partial<ProposalItem> = {}): ProposalItem => ({
  household_id, code: household_id, village: '河东村', group_name: '一组', micro_grid_name: '一网格', head_name: '王**', person_id: null, person_name: null,
  current_id: null, current_name: null, reason: 'proposed', sentence: '住得近。', edited: false,
  ...given,
})
