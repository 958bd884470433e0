/** People in words: their exemption, and what a change of their service brings with it. */
import { dayLabel } from '@core/dates'
import type { Person } from '../api/types'

export type Act = 'exempt' | 'return' | 'transfer' | 'leave'

/** By branch and name: never by a figure. */
export function inOrder(people: readonly Person[], branchName: (id: string) => string): Person[] {
  const place = (one: Person): string => branchName(one.branch_id)
  return [...people].sort((a, b) => place(a).localeCompare(place(b), 'zh-CN') || a.name.localeCompare(b.name, 'zh-CN'))
}

/** What tells people of the same name apart, by their ids: their kind, and where that is the same too, since when they serve. */
export function namesApart(people: readonly Person[], kindName: (code: string) => string): Map<string, string> {
  const found = new Map<string, string>()
  for (const one of people) {
    const others = people.filter(({ id, name }) => name === one.name && id !== one.id)
    if (others.length === 0) continue
    const since = others.some(({ kind }) => kind === one.kind) && `从${dayLabel(one.since, '')}起`
    found.set(one.id, [kindName(one.kind), since].filter(Boolean).join('，'))
  }
  return found
}

/** 因病，2026年11月1日起，2027年1月1日恢复，继续联系现有的户 */
export function exemptionWords(person: Person, reason: (code: string) => string): string {
  if (person.exemption === null) return ''
  const from = person.exempt_from && `${dayLabel(person.exempt_from, '')}起`
  const to = person.exempt_to && `${dayLabel(person.exempt_to, '')}恢复`
  const keeps = person.keeps_links && '继续联系现有的户'
  return [reason(person.exemption), from, to, keeps].filter(Boolean).join('，')
}

/** 2026年12月1日起调到河东支部, or what else is booked to happen in somebody's service. */
export function untilWords({ until, next_branch_id, branch_id }: Person, branchName: (id: string) => string): string {
  if (until === null) return ''
  const on = `${dayLabel(until, '')}起`
  if (next_branch_id === null) return `${on}不再任职`
  return next_branch_id === branch_id ? `${on}换身份` : `${on}调到${branchName(next_branch_id)}`
}

/** What will happen to the households of a person, said before it is done. */
export function consequence(act: Act, { name, load, backed }: Person, day: string, keeps: boolean): string {
  const from = day ? `从${dayLabel(day, '')}起，` : '从这天起，'
  const parts = backed === 0 ? '都成为空白点' : backed === load ? '都由副联接上' : `，其中 ${backed} 户由副联接上，${load - backed} 户成为空白点`
  const left = `${parts}。“消息”里会告诉你。`
  switch (act) {
    case 'return':
      return `${from}${name}可以再定联系户。免联期间别人接过去的户不会自动还回来。`
    case 'transfer':
      return `${from}新支部负责的户仍由${name}联系；其余的户由副联接上，没有副联的成为空白点。“消息”里会告诉你。`
    case 'leave':
      return `${from}${name}不再联系户，${load ? `现在联系的 ${load} 户${left}` : '现在没有要交接的户。'}以前的走访记录都留着。`
    case 'exempt':
      if (!load) return `${from}${name}不再安排联系户；现在没有要交接的户。`
      return keeps ? `${from}${name}继续联系现在的 ${load} 户，不再添新的户。` : `${from}${name}联系的 ${load} 户${left}`
  }
}
