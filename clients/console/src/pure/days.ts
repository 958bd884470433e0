/** Days as people write them on paper and type them. */
import { isDay } from '@core/dates'

const FORMS = [
  /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$/,
  /^(\d{4})(\d{2})(\d{2})$/,
  /^()(\d{1,2})[-/.月](\d{1,2})[日号]?$/,
  /^()(\d{2})(\d{2})$/,
]

/**
 * The day that somebody typed: 2026-11-12, 2026年11月12日, 11-12, 11.12, 11月12日, 1112. Without a year it is the latest
 * such day that is not after `last`, or the one of this year where days to come are meant as well. null: not understood.
 */
export function readDay(text: string, today: string, last: string | null): string | null {
  const plain = text.normalize('NFKC').replace(/\s/g, '')
  for (const form of FORMS) {
    const found = form.exec(plain)
    if (!found) continue
    const [, year, month, date] = found
    const of = (number: number): string => `${number}-${month.padStart(2, '0')}-${date.padStart(2, '0')}`
    const this_year = Number(today.slice(0, 4))
    const day = year ? of(Number(year)) : last !== null && of(this_year) > last ? of(this_year - 1) : of(this_year)
    return isDay(day) ? day : null
  }
  return null
}
