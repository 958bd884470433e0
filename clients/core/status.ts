// How a household stands on a day, in words: 该走访, 已走访, 逾期. The server says what is due on which day; the phone
// goes on counting the days without it.

import type { Household } from './api'
import { ago, dayLabel, daysBetween } from './dates'
import type { Item } from './queue'

/** From so many days before its day something is due soon, as on the server (docs/rules.md C22). */
const SOON_DAYS = 14
/** What regular contact is due as; everything else is a kind of must-visit. */
const REGULAR = ['ordinary', 'key', 'away']

export type Filter = 'to_visit' | 'visited' | 'all'
export type Order = 'group' | 'due'
export type Tone = 'plain' | 'attention' | 'waiting' | 'done' | 'key'

export interface Status {
  key: 'returned' | 'waiting' | 'overdue' | 'due' | 'due_soon' | 'visited' | 'later' | 'not_mine'
  /** In which list besides 全部; null: in no other. */
  filter: Exclude<Filter, 'all'> | null
  label: string
  detail: string
  tone: Tone
}

/** Contact of a household as far as this phone knows: what the server knew, and what was registered here since. */
export function statusOf(
  household: Household,
  today: string,
  registered: readonly Item[],
  synced_ms: number | null,
  nameOf: (mustVisitKind: string) => string,
): Status {
  const here = registered.filter((item) => item.visit.household_id === household.id && !item.voided)
  const last = lastWords(household, today)
  if (here.some((item) => item.state === 'returned'))
    return of('returned', 'to_visit', '登记被退回', '请到“待上传”里改正后再传', 'attention')

  const waiting = here.filter((item) => item.state === 'waiting')
  if (waiting.length) {
    const met = waiting.some((item) => item.visit.outcome === 'met')
    return of('waiting', met ? 'visited' : 'to_visit', '已登记，待上传', met ? last : `没见到人。${last}`, 'waiting')
  }
  // Sent after the copy was made, so the copy does not know of it yet.
  const sent = here.filter((item) => item.state === 'sent' && (item.sent_ms || 0) > (synced_ms || 0))
  const met = sent.filter((item) => item.visit.outcome === 'met')[0]
  if (met) return of('visited', 'visited', '已走访', `上次联系：${ago(met.visit.occurred_on, today)}`, 'done')

  const kind = household.due_kind
  if (household.due_on === null || kind === null) {
    if (household.last_contact_on !== null) return of('visited', 'visited', '已走访', last, 'done')
    return household.role === 'backup'
      ? of('not_mine', null, '由主联同志走访', '你是这一户的副联，想去也可以登记', 'plain')
      : of('not_mine', null, '暂无走访要求', last, 'plain')
  }
  const left = daysBetween(today, household.due_on)
  const isRegular = REGULAR.indexOf(kind) >= 0
  const need = (isRegular ? '' : `；必访：${nameOf(kind)}`) + (isRegular && kind !== 'key' ? '' : '，要入户见面')
  if (left < 0) return of('overdue', 'to_visit', `逾期 ${-left} 天`, last + need, 'attention')
  if (left === 0) return of('due', 'to_visit', '今天到期', last + need, 'attention')
  const until = `${dayLabel(household.due_on, today)}前`
  if (left <= SOON_DAYS) return of('due_soon', 'to_visit', `该走访，还有 ${left} 天`, `${until}走访${need}`, 'plain')
  if (household.last_contact_on === null)
    return of('later', 'to_visit', '还没有走访过', `${until}走访一次${need}`, 'plain')
  return of('visited', 'visited', '已走访', `${last}；下次${until}${need}`, 'done')
}

function of(key: Status['key'], filter: Status['filter'], label: string, detail: string, tone: Tone): Status {
  return { key, filter, label, detail, tone }
}

const lastWords = (household: Household, today: string): string =>
  household.last_contact_on === null
    ? '还没有联系过'
    : `上次联系：${dayLabel(household.last_contact_on, today)}（${ago(household.last_contact_on, today)}）`

export interface Section {
  key: string
  title: string
  households: Household[]
}

/** A household with its status; what lists are made of. */
export interface Standing {
  household: Household
  status: Status
}

export const isIn = (filter: Filter, status: Status): boolean => filter === 'all' || status.filter === filter

/** By 村民小组, so that a round goes through one group after the other; or by day due. */
export function sectionsOf(standings: Standing[], order: Order): Section[] {
  const sections: Section[] = []
  const sorted = standings.slice().sort(order === 'group' ? byGroup : byDue)
  for (const { household, status } of sorted) {
    const title = order === 'group' ? groupTitle(household) : band(status)
    const last = sections[sections.length - 1]
    if (last && last.title === title) last.households.push(household)
    else sections.push({ key: `${order}-${title}`, title, households: [household] })
  }
  return sections
}

const groupTitle = (household: Household): string =>
  [household.micro_grid ? household.micro_grid.name : '', household.group].filter(Boolean).join(' · ') || '未分组'

const BANDS = ['被退回', '逾期', '14 天内到期', '以后']
const BAND_OF: Partial<Record<Status['key'], string>> = {
  returned: '被退回',
  overdue: '逾期',
  due: '14 天内到期',
  due_soon: '14 天内到期',
}
const band = (status: Status): string => BAND_OF[status.key] || '以后'

const byDue = (a: Standing, b: Standing): number =>
  BANDS.indexOf(band(a.status)) - BANDS.indexOf(band(b.status)) ||
  compare(a.household.due_on || '9', b.household.due_on || '9') ||
  byGroup(a, b)
const byGroup = (a: Standing, b: Standing): number =>
  compare(sortable(groupTitle(a.household)), sortable(groupTitle(b.household))) ||
  compare(a.household.id, b.household.id)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Numbers padded, also Chinese ones up to 99, so that 二组 comes after 一组 and 10组 after 9组. */
export function sortable(text: string): string {
  const padded = (n: number) => ('0000000' + n).slice(-8)
  return text
    .replace(/[一二三四五六七八九]?十[一二三四五六七八九]?|[一二三四五六七八九]/g, (found) => {
      const digit = (char: string) => '零一二三四五六七八九'.indexOf(char)
      const [tens, units] = found.indexOf('十') < 0 ? ['', found] : found.split('十')
      const ten = found.indexOf('十') < 0 ? 0 : tens ? digit(tens) : 1
      return padded(ten * 10 + (units ? digit(units) : 0))
    })
    .replace(/\d+/g, (found) => padded(Number(found)))
}
