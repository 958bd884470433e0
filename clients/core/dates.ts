// Days and instants as China counts them. Phones may be set to any zone and old engines lack Intl, so the zone is added
// by hand: China has had one offset and no summer time since 1991.

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const CHINA = 8 * 60 * MINUTE

const two = (n: number): string => (n < 10 ? '0' : '') + n

/** The moment of an instant in China, to be read with the UTC getters. */
const inChina = (ms: number): Date => new Date(ms + CHINA)

const numberOf = (day: string): number => {
  const [year, month, date] = day.split('-').map(Number)
  return Date.UTC(year, month - 1, date) / DAY
}
const dayOf = (number: number): string => new Date(number * DAY).toISOString().slice(0, 10)

/** The day in China at an instant: 2026-11-21. */
export const chinaDay = (ms: number): string => inChina(ms).toISOString().slice(0, 10)

/** Whether a text is a day of the calendar, written 2026-11-21. */
export const isDay = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text) && dayOf(numberOf(text)) === text

export const addDays = (day: string, days: number): string => dayOf(numberOf(day) + days)

/** How many days `to` is after `from`; negative when before. */
export const daysBetween = (from: string, to: string): number => numberOf(to) - numberOf(from)

/** The Monday of the week of a day. */
export const weekStart = (day: string): string => {
  const number = numberOf(day)
  return dayOf(number - ((new Date(number * DAY).getUTCDay() + 6) % 7))
}

export const weekday = (day: string): string => '星期' + '日一二三四五六'[new Date(numberOf(day) * DAY).getUTCDay()]

/** 11月21日; with the year when it is not the year of `today`. */
export function dayLabel(day: string, today?: string): string {
  const [year, month, date] = day.split('-').map(Number)
  const label = `${month}月${date}日`
  return today !== undefined && today.slice(0, 4) !== day.slice(0, 4) ? `${year}年${label}` : label
}

/** 今天, 昨天, 3 天前; of days to come 明天, 3 天后. */
export function ago(day: string, today: string): string {
  const days = daysBetween(day, today)
  if (days === 0) return '今天'
  if (days === 1) return '昨天'
  if (days === -1) return '明天'
  return days > 0 ? `${days} 天前` : `${-days} 天后`
}

/** 14:05 today, otherwise 11月21日 14:05. */
export function instantLabel(ms: number, now: number): string {
  const at = inChina(ms)
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
  const day = chinaDay(ms)
  const today = chinaDay(now)
  return day === today ? `今天 ${time}` : `${dayLabel(day, today)} ${time}`
}

/** An instant for the wire, to the second: 2026-11-21T14:05:00+08:00. */
export const instant = (ms: number): string => inChina(ms).toISOString().slice(0, 19) + '+08:00'

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/

/** Milliseconds of an instant on the wire; NaN for anything else. Old engines do not read microseconds or offsets. */
export function instantMs(text: string): number {
  const found = INSTANT.exec(text)
  if (!found) return NaN
  const [year, month, date, hours, minutes, seconds] = found.slice(1, 7).map(Number)
  const fraction = Number(((found[7] || '') + '000').slice(0, 3))
  const zone = found[8]
  const offset = zone === 'Z' ? 0 : (zone[0] === '-' ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)))
  return Date.UTC(year, month - 1, date, hours, minutes, seconds, fraction) - offset * MINUTE
}
