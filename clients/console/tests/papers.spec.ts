import { expect, it } from 'vitest'
import { lacking, paperBody, paperName, printedWords } from '../src/pure/papers'

const wanted = { paper: 'notice' as const, region_id: 'v1', phone: ' 0571-8888888 ', place: ' 镇党建办公室 ', first_on: '2026-11-23' }

it('says what was printed and who got none', () => {
  expect(paperName({ kind: 'notice' })).toBe('公示')
  expect(printedWords({ kind: 'cards', counts: { cards: 1200, without: 0 } })).toBe('1,200 张联系卡，一户一张。')
  expect(printedWords({ kind: 'cards', counts: { cards: 3, without: 2 } })).toContain('2 户还没有主联党员，没有卡')
  expect(printedWords({ kind: 'notice', counts: { households: 5, without: 2 } })).toBe('公示共 5 户，其中 2 户写的是“待安排”。')
})

it('a notice says where one may speak up and from when; a card does not', () => {
  expect(lacking(wanted)).toEqual({})
  const empty = { region_id: undefined, phone: ' ', place: ' ', first_on: '' }
  expect(Object.keys(lacking({ paper: 'notice', ...empty }))).toEqual(['region_id', 'phone', 'place', 'first_on'])
  expect(Object.keys(lacking({ paper: 'cards', ...empty }))).toEqual(['region_id', 'phone'])
  expect(paperBody(wanted)).toEqual({ paper: 'notice', region_id: 'v1', phone: '0571-8888888', place: '镇党建办公室', first_on: '2026-11-23' })
  expect(paperBody({ ...wanted, paper: 'cards' })).toEqual({ paper: 'cards', region_id: 'v1', phone: '0571-8888888' })
})
