// Sentences of the pages that need more than one look-up. Pure: what they say follows from what they are given.

import { ago, dayLabel, daysBetween } from '@core/dates'
import type { Household, MustVisit } from '@core/api'
import type { Taken } from '@core/sync'

/** Why a household is somebody else's now, said to the member whose it was (docs/rules.md L2). */
const REVOKED: Record<string, string> = {
  handed_over: '已交接给其他党员',
  member_left: '你已不在这个支部',
  member_exempt: '你已免联',
  household_wish: '按农户的意愿调整',
  household_closed: '这一户已销户或并户',
  mistake: '原来的结对有误，已更正',
  suspended: '暂停联系',
}

/** A notice about the households that were taken off this phone. They are not named: nothing of them is kept. */
export function revokedNotice(taken: readonly Taken[], today: string): string {
  const reasons: string[] = []
  for (const one of taken) {
    const words = REVOKED[one.reason || ''] || '支部作了调整'
    if (reasons.indexOf(words) < 0) reasons.push(words)
  }
  const on = taken.length === 1 ? taken[0].on : null
  const which = on ? `有 1 户从 ${dayLabel(on, today)} 起不再由你联系` : `有 ${taken.length} 户不再由你联系`
  return `${which}：${reasons.join('；')}。它们的信息已从这部手机清除；之前登记的走访仍会上传。有疑问请问支部书记。`
}

/** How the deadline of a must-visit stands, in words. */
export function deadline(due_on: string, today: string): string {
  const left = daysBetween(today, due_on)
  const day = `期限 ${dayLabel(due_on, today)}`
  if (left < 0) return `${day}，已过 ${-left} 天`
  return left === 0 ? `${day}，就是今天` : `${day}，还有 ${left} 天`
}

/** One line of a must-visit: what happened, since when. */
export const mustVisitLine = (must: Pick<MustVisit, 'since'>, kind: string, today: string): string =>
  `${kind}（${dayLabel(must.since, today)}）`

/** The must-visits that a visit is sure to meet: whoever goes there need not look whether it counted (docs/rules.md O7). */
export const metBy = <M extends Pick<MustVisit, 'since' | 'due_on'>>(
  visit: { occurred_on: string; mode: string | null; outcome: string | null },
  musts: readonly M[],
): M[] =>
  visit.mode === 'in_person' && visit.outcome === 'met'
    ? musts.filter((must) => must.since <= visit.occurred_on && visit.occurred_on <= must.due_on)
    : []

const NOTHING_NEW = 'nothing_new'

/** Topics after one was tapped: "nothing new" stands alone. */
export function toggledTopic<T extends string>(topics: readonly T[], topic: T): T[] {
  if (topics.indexOf(topic) >= 0) return topics.filter((one) => one !== topic)
  if (topic === NOTHING_NEW) return [topic]
  return [...topics.filter((one) => one !== NOTHING_NEW), topic]
}

const RESIDENCE: Record<string, string> = { away: '外出', nominal: '空挂' }

/** What is special about a household, in words. Living at home as an ordinary one is nothing special. */
export function tagsOf(household: Pick<Household, 'tier' | 'residence' | 'role'>): { text: string; tone: 'key' | 'plain' }[] {
  const tags: { text: string; tone: 'key' | 'plain' }[] = []
  if (household.tier === 'key') tags.push({ text: '重点户', tone: 'key' })
  const living = RESIDENCE[household.residence || '']
  if (living) tags.push({ text: living, tone: 'plain' })
  if (household.role === 'backup') tags.push({ text: '副联', tone: 'plain' })
  return tags
}

/** One line of a visit: 11月21日（昨天） 入户，见到（联系上）. */
export const visitLine = (on: string, mode: string, outcome: string, today: string): string =>
  `${dayLabel(on, today)}（${ago(on, today)}） ${mode}，${outcome}`
