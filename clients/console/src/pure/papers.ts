/** Papers in words: what is printed, and what came of it. */
import type { Run } from '../api/types'
import { count } from './figures'

export type Paper = 'cards' | 'notice'
export const PAPERS: Record<Paper, string> = { cards: '联系卡', notice: '公示' }

export const paperName = ({ kind }: Pick<Run, 'kind'>): string => PAPERS[kind as Paper] ?? '打印'

/** What came of a print, in one sentence. */
export function printedWords({ kind, counts }: Pick<Run, 'kind' | 'counts'>): string {
  const without = counts.without ?? 0
  if (kind === 'cards') return `${count(counts.cards ?? 0)} 张联系卡，一户一张${without ? `；${count(without)} 户还没有主联党员，没有卡` : ''}。`
  return `公示共 ${count(counts.households ?? 0)} 户${without ? `，其中 ${count(without)} 户写的是“待安排”` : ''}。`
}

interface Wanted {
  paper: Paper
  region_id?: string
  phone: string
  place: string
  first_on: string
}

/** What is still to be filled in, by field of the wire. The notice also says where one may speak up and from when. */
export function lacking({ paper, region_id, phone, place, first_on }: Wanted): Record<string, string> {
  const found: Record<string, string> = {}
  if (!region_id) found.region_id = '请选择打印哪里的'
  if (!phone.trim()) found.phone = '请填写投诉电话'
  if (paper === 'notice' && !place.trim()) found.place = '请填写到哪里可以当面说'
  if (paper === 'notice' && !first_on) found.first_on = '请填写从哪天起公示'
  return found
}

/** As it is sent; cards say nothing of where one may speak up. */
export function paperBody(wanted: Wanted) {
  const { paper, region_id, phone } = wanted
  const hangs = paper === 'notice' ? { place: wanted.place.trim(), first_on: wanted.first_on } : {}
  return { paper, region_id, phone: phone.trim(), ...hangs }
}
