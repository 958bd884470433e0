import { beforeEach, describe, expect, test } from 'vitest'
import type { Household, MustVisit, SyncPage } from '../api'
import { Clock } from '../clock'
import { Unreachable } from '../problem'
import { applied, emptyCopy, Synchroniser, type Copy } from '../sync'
import { Flash, Killed } from './phone'

const household = (id: string, more: Partial<Household> = {}): Household => ({
  id,
  version: 1,
  head_name: '王秀兰',
  group: '3组',
  micro_grid: null,
  role: 'primary',
  tier: 'ordinary',
  residence: 'resident',
  state: 'ok',
  due_on: null,
  due_kind: null,
  last_contact_on: null,
  ...more,
})
const must = (id: string, household_id: string): MustVisit => ({
  id,
  household_id,
  kind: 'illness',
  since: '2026-11-20',
  due_on: '2026-11-23',
  state: 'due_soon',
})
const page = (more: Partial<SyncPage> = {}): SyncPage => ({
  households: [],
  revoked: [],
  obligations: [],
  colleagues: null,
  server_time: '2026-11-21T10:00:00+08:00',
  cursor: 'c',
  full: false,
  more: false,
  ...more,
})
const revoked = (household_id: string) => ({ household_id, on: '2026-11-20', reason: 'handed_over', successor_id: null })
const ids = (copy: Copy) => copy.households.map((one) => one.id)

describe('one page', () => {
  const before = applied(
    emptyCopy('me'),
    page({
      full: true,
      households: [household('a'), household('b')],
      obligations: [must('m', 'a'), must('n', 'b')],
      colleagues: [{ id: 'p', name: '李建国' }],
    }),
  )

  test('puts a household in place of the one with its id, and its must-visits in place of the old', () => {
    const after = applied(before, page({ households: [household('a', { version: 2 })], obligations: [must('k', 'a')] }))
    expect(ids(after).sort()).toEqual(['a', 'b'])
    expect(after.households.filter((one) => one.id === 'a')[0].version).toBe(2)
    expect(after.must_visits.map((one) => one.id).sort()).toEqual(['k', 'n'])
    expect(after.colleagues).toHaveLength(1)
  })

  test('takes out what is revoked, with all that belongs to it', () => {
    const after = applied(before, page({ revoked: [revoked('a')] }))
    expect(ids(after)).toEqual(['b'])
    expect(after.must_visits.map((one) => one.id)).toEqual(['n'])
  })

  test('revoked and given again is there', () => {
    expect(ids(applied(before, page({ revoked: [revoked('a')], households: [household('a')] }))).sort()).toEqual(['a', 'b'])
  })

  test('a full one drops everything that it does not name', () => {
    const after = applied(before, page({ full: true, households: [household('c')], colleagues: [] }))
    expect(ids(after)).toEqual(['c'])
    expect(after.must_visits).toEqual([])
    expect(after.colleagues).toEqual([])
  })
})

describe('synchronising', () => {
  let flash: Flash
  let now: number
  let pages: (SyncPage | Error)[]
  let asked: (string | null)[]
  let clock: Clock
  const sync = () => {
    clock = new Clock(flash, () => now)
    const api = {
      sync: async (cursor: string | null) => {
        asked.push(cursor)
        const next = pages.shift()
        if (next instanceof Error || !next) throw next || new Error('no page')
        return next
      },
    }
    return new Synchroniser(flash, api, clock, () => now)
  }
  const yes = () => true

  beforeEach(() => {
    flash = new Flash()
    now = Date.parse('2026-11-21T02:00:00Z')
    pages = []
    asked = []
  })

  test('follows the pages to the end, keeps the last cursor, and tells the time of the first', async () => {
    pages = [
      page({ full: true, more: true, cursor: 'c1', households: [household('a')] }),
      page({ more: true, cursor: 'c2', households: [household('b')], server_time: '2026-11-21T10:00:09+08:00' }),
      page({ cursor: 'c3', households: [household('c')], server_time: '2026-11-21T10:00:18+08:00' }),
    ]
    const copy = (await sync().run(emptyCopy('me'), yes)) as Copy
    expect(asked).toEqual([null, 'c1', 'c2'])
    expect(ids(copy)).toEqual(['a', 'b', 'c'])
    expect(copy).toMatchObject({ cursor: 'c3', synced_ms: now, taken: [] })
    expect(await sync().read()).toEqual(copy)
  })

  test('broken off between two pages it has the old copy whole', async () => {
    pages = [page({ full: true, cursor: 'c1', households: [household('a')] })]
    const old = (await sync().run(emptyCopy('me'), yes)) as Copy
    pages = [page({ full: true, more: true, cursor: 'd1', households: [household('b')] }), new Unreachable('gone')]
    await expect(sync().run(old, yes)).rejects.toBeInstanceOf(Unreachable)
    expect(await sync().read()).toEqual(old)
  })

  test('killed at the very write it has the old copy or the new one', async () => {
    for (const keepsLast of [false, true]) {
      flash = new Flash()
      pages = [page({ full: true, cursor: 'c1', households: [household('a')] })]
      const old = (await sync().run(emptyCopy('me'), yes)) as Copy
      pages = [page({ cursor: 'c2', households: [household('b')] })]
      flash.restart(2, keepsLast) // The first write is that of the clock.
      await expect(sync().run(old, yes)).rejects.toBeInstanceOf(Killed)
      flash.restart()
      expect((await sync().read())?.cursor).toBe(keepsLast ? 'c2' : 'c1')
    }
  })

  test('says what was taken and why; also what a full answer silently leaves out; names no household', async () => {
    pages = [page({ full: true, cursor: 'c1', households: [household('a'), household('b'), household('c')] })]
    let copy = (await sync().run(emptyCopy('me'), yes)) as Copy
    pages = [page({ cursor: 'c2', revoked: [revoked('a'), revoked('never-mine')] })]
    copy = (await sync().run(copy, yes)) as Copy
    expect(copy.taken).toEqual([{ household_id: 'a', on: '2026-11-20', reason: 'handed_over', successor_id: null }])
    pages = [page({ full: true, cursor: 'c3', households: [household('c')] })]
    copy = (await sync().run(copy, yes)) as Copy
    expect(copy.taken.map((one) => [one.household_id, one.reason])).toEqual([['a', 'handed_over'], ['b', null]])
    expect(JSON.stringify(copy.taken)).not.toContain('王')
  })

  test('a person who signed out meanwhile gets nothing put on the phone', async () => {
    pages = [page({ full: true, households: [household('a')] })]
    expect(await sync().run(emptyCopy('me'), () => false)).toBeNull()
    expect(await sync().read()).toBeNull()
  })

  test('an answer without an end ends', async () => {
    pages = Array.from({ length: 1001 }, () => page({ more: true }))
    await expect(sync().run(emptyCopy('me'), yes)).rejects.toBeInstanceOf(Unreachable)
    expect(asked).toHaveLength(1000)
  })

  test('calls at the same time are one', async () => {
    pages = [page({ full: true })]
    const one = sync()
    await Promise.all([one.run(emptyCopy('me'), yes), one.run(emptyCopy('me'), yes)])
    expect(asked).toEqual([null])
  })

  test('the clock of the phone is put right by the server, and stays so after a restart', async () => {
    now = Date.parse('2010-01-01T00:00:00Z')
    pages = [page({ full: true })]
    await sync().run(emptyCopy('me'), yes)
    now += 60_000
    expect(new Date(clock.now()).toISOString()).toBe('2026-11-21T02:01:00.000Z')
    expect(clock.today()).toBe('2026-11-21')
    const again = new Clock(flash, () => now)
    await again.load()
    expect(again.now()).toBe(clock.now())
    // Its battery ran out, and it begins in 1970 once more: it cannot be earlier than the server has said.
    now = 0
    expect(new Date(again.now()).toISOString()).toBe('2026-11-21T02:00:00.000Z')
  })
})
