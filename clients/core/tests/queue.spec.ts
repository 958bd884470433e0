import { beforeEach, describe, expect, test } from 'vitest'
import { VisitQueue } from '../queue'
import { StorageFailed } from '../store'
import { answer, chance, Flash, Killed, problem, Server, visit } from './phone'

const ME = 'person-1'
const SECOND = 1000
/** Histories of the test that kills, and the time they may take on a busy machine. */
const SEEDS = 200
const PATIENCE = 60 * SECOND

let flash: Flash
let server: Server
let now: number
let queue: VisitQueue
const phone = () =>
  new VisitQueue(
    flash,
    // A phone that is switched off sends nothing.
    (path, body) => (flash.isOff ? Promise.reject(new Killed()) : server.post(path, body)),
    () => now,
  )
const states = () => queue.of(ME).map((item) => `${item.visit.client_id} ${item.state}`)
const only = () => {
  expect(queue.of(ME)).toHaveLength(1)
  return queue.of(ME)[0]
}

beforeEach(() => {
  flash = new Flash()
  server = new Server()
  now = Date.UTC(2026, 10, 21, 2)
  queue = phone()
})

describe('keeping', () => {
  test('a double tap is one visit, also while the first is still being written', async () => {
    await Promise.all([queue.add(ME, visit('a')), queue.add(ME, visit('a'))])
    await queue.add(ME, visit('a'))
    expect(flash.writes).toBe(1)
    expect(states()).toEqual(['a waiting'])
  })

  test('with the storage full it says so, and nothing pretends to be kept', async () => {
    flash.full = true
    await expect(queue.add(ME, visit('a'))).rejects.toBeInstanceOf(StorageFailed)
    expect(states()).toEqual([])
    flash.full = false
    await queue.add(ME, visit('a'))
    expect(states()).toEqual(['a waiting'])
  })

  test('what waits is there after a restart, and another person neither sees nor sends it', async () => {
    await queue.add(ME, visit('a'))
    queue = phone()
    await queue.load()
    expect(states()).toEqual(['a waiting'])
    expect(queue.of('person-2')).toEqual([])
    expect(queue.others('person-2')).toBe(1)
    await queue.flush('person-2')
    expect(server.kept.size).toBe(0)
  })

  test('an entry that cannot be read is counted and left alone', async () => {
    flash.values.set('visit:x', '{"half')
    flash.values.set('copy', '{}')
    await queue.load()
    expect(queue.damaged).toBe(1)
    expect(flash.values.has('visit:x')).toBe(true)
  })
})

describe('sending', () => {
  test('one goes by itself, several go together, and what was sent keeps no note', async () => {
    await queue.add(ME, visit('a', { note: '屋顶漏雨', companion_ids: ['c'] }))
    expect(await queue.flush(ME)).toEqual({ sent: 1, returned: 0, left: 0 })
    expect(server.calls).toEqual(['/visits'])
    expect(server.kept.get('a')).toContain('屋顶漏雨')
    expect(only()).toMatchObject({ state: 'sent', sent_ms: now, voided: false })
    expect(Array.from(flash.values.values()).join()).not.toContain('屋顶漏雨')

    await queue.add(ME, visit('b'))
    await queue.add(ME, visit('c'))
    expect(await queue.flush(ME)).toEqual({ sent: 2, returned: 0, left: 0 })
    expect(server.calls).toEqual(['/visits', '/visits/batch'])
  })

  test('calls at the same time are one, and what is added meanwhile goes along', async () => {
    await queue.add(ME, visit('a'))
    let release = () => {}
    const first = server.post
    const held = new Promise<void>((resolve) => (release = resolve))
    queue = new VisitQueue(flash, async (path, body) => (await held, first(path, body)), () => now)
    await queue.load()
    const both = Promise.all([queue.flush(ME), queue.flush(ME)])
    await queue.add(ME, visit('b'))
    expect(await queue.discard('a')).toBe(false)
    release()
    expect((await both)[1].sent).toBe(2)
    expect(server.calls).toEqual(['/visits', '/visits'])
  })

  test('the network comes back while a round still meets its absence: another round follows at once', async () => {
    await queue.add(ME, visit('a'))
    server.before = () => 'lost before'
    const first = queue.flush(ME)
    await null
    server.before = () => undefined
    const second = queue.flush(ME, true)
    expect((await Promise.all([first, second]))[1]).toEqual({ sent: 1, returned: 0, left: 0 })
    expect(server.calls).toHaveLength(2)
  })

  test('an answer that was lost: it is sent again and is still one visit', async () => {
    await queue.add(ME, visit('a'))
    server.before = () => 'lost after'
    expect(await queue.flush(ME)).toEqual({ sent: 0, returned: 0, left: 1 })
    expect(only()).toMatchObject({ state: 'waiting', why: 'offline', tries: 1, tried_ms: now })
    expect(await queue.discard('a')).toBe(false)
    server.before = () => undefined
    expect((await queue.flush(ME, true)).sent).toBe(1)
    expect(server.kept.size).toBe(1)
  })

  test('a voided visit that is sent again is sent, and says so', async () => {
    await queue.add(ME, visit('a'))
    server.before = () => answer(200, { client_id: 'a', state: 'voided' })
    await queue.flush(ME)
    expect(only()).toMatchObject({ state: 'sent', voided: true })
  })

  test.each([
    ['a page of a hotel network', answer(200, '<html>请登录</html>')],
    ['somebody else saying yes', answer(200, { ok: true })],
    ['a visit that is not this one', answer(201, { client_id: 'other', state: 'recorded' })],
    ['a proxy without a route', answer(404, 'Not Found')],
    ['a proxy that wants a password', answer(401, '<html>')],
    ['a redirect', answer(302, '')],
    ['a broken server', answer(500, problem(500, 'server.error'))],
    ['too early', answer(425, problem(425, 'request.early'))],
    ['not all arrived', answer(408, problem(408, 'request.incomplete'))],
  ])('%s is no judgement: the visit waits', async (_name, instead) => {
    await queue.add(ME, visit('a'))
    server.before = () => instead
    await queue.flush(ME)
    expect(only()).toMatchObject({ state: 'waiting', why: 'server' })
    server.before = () => undefined
    await queue.flush(ME, true)
    expect(states()).toEqual(['a sent'])
  })

  test.each([400, 403, 404, 409, 412, 413, 422])('a refusal with %i is returned with its sentences', async (status) => {
    await queue.add(ME, visit('a'))
    server.refuses.set('a', problem(status, 'visits.some', '请改日期。', { occurred_on: ['太早'] }))
    expect(await queue.flush(ME)).toEqual({ sent: 0, returned: 1, left: 0 })
    expect(only()).toMatchObject({ state: 'returned', problem: { detail: '请改日期。', errors: { occurred_on: ['太早'] } } })
    await queue.flush(ME, true)
    expect(server.calls).toHaveLength(1)
  })

  test.each([
    [401, 'session.missing'],
    [403, 'session.not_bound'],
  ])('%i %s waits for sign-in, and nothing more is sent in vain', async (status, code) => {
    for (const id of ['a', 'b', 'c']) await queue.add(ME, visit(id))
    server.before = () => answer(status, problem(status, code))
    expect(await queue.flush(ME)).toEqual({ sent: 0, returned: 0, left: 3 })
    expect(server.calls).toHaveLength(1)
    expect(queue.of(ME).every((item) => item.why === 'sign_in' && item.retry_ms === null)).toBe(true)
    server.before = () => undefined
    expect((await queue.flush(ME)).sent).toBe(3)
  })

  test.each([429, 503])('%i with Retry-After waits so long, also when somebody presses the button', async (status) => {
    await queue.add(ME, visit('a'))
    server.before = () => answer(status, problem(status, 'server.x'), { 'retry-after': '30' })
    await queue.flush(ME)
    expect(only()).toMatchObject({ state: 'waiting', why: 'busy', retry_ms: now + 30 * SECOND })
    expect(queue.nextTry(ME)).toBe(now + 30 * SECOND)
    server.before = () => undefined
    now += 29 * SECOND
    await queue.flush(ME, true)
    expect(server.kept.size).toBe(0)
    now += SECOND
    await queue.flush(ME)
    expect(server.kept.size).toBe(1)
  })

  test('without an answer it waits longer each time, up to five minutes; the button does not wait', async () => {
    await queue.add(ME, visit('a'))
    server.before = () => 'lost before'
    const waits: number[] = []
    for (let i = 0; i < 9; i++) {
      await queue.flush(ME)
      waits.push((only().retry_ms as number) - now)
      await queue.flush(ME)
      expect(server.calls).toHaveLength(i + 1)
      now = only().retry_ms as number
    }
    expect(waits.map((wait) => wait / SECOND)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300])
    now -= SECOND
    await queue.flush(ME, true)
    expect(server.calls).toHaveLength(10)
  })

  test('a clock that was put back does not make it wait for years', async () => {
    await queue.add(ME, visit('a'))
    server.before = () => 'lost before'
    await queue.flush(ME)
    now -= 365 * 24 * 3600 * SECOND
    server.before = () => undefined
    expect((await queue.flush(ME)).sent).toBe(1)
  })

  test('in a batch each visit is judged by itself', async () => {
    for (const id of ['a', 'b', 'c']) await queue.add(ME, visit(id, { noted_at: '2026-11-21T10:00:00+08:00' }))
    server.refuses.set('b', problem(404, 'households.not_found', '没有这一户'))
    expect(await queue.flush(ME)).toEqual({ sent: 2, returned: 1, left: 0 })
    expect(states().sort()).toEqual(['a sent', 'b returned', 'c sent'])
    expect(server.calls).toEqual(['/visits/batch'])
  })

  test('a batch that is wrong as a whole is sent one by one, and one bad visit holds up no other', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await queue.add(ME, visit(id))
    server.before = (path) => (path === '/visits/batch' ? answer(413, problem(413, 'request.too_large')) : undefined)
    server.refuses.set('b', problem(500, 'server.error'))
    expect(await queue.flush(ME)).toEqual({ sent: 3, returned: 0, left: 1 })
    expect(states().sort()).toEqual(['a sent', 'b waiting', 'c sent', 'd sent'])
  })

  test('a server that fails for each visit is left alone after three', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) await queue.add(ME, visit(id))
    server.before = () => answer(500, problem(500, 'server.error'))
    await queue.flush(ME)
    expect(server.calls).toEqual(['/visits/batch', '/visits', '/visits', '/visits'])
  })

  test('a row that is missing in the answer to a batch waits', async () => {
    for (const id of ['a', 'b']) await queue.add(ME, visit(id))
    server.before = () => answer(200, { results: [{ index: 0, client_id: 'a', status: 201, visit: { client_id: 'a' } }] })
    await queue.flush(ME)
    expect(states().sort()).toEqual(['a sent', 'b waiting'])
  })
})

describe('what came back', () => {
  const returned = async (code = 'visits.backfill_reason') => {
    await queue.add(ME, visit('a'))
    server.refuses.set('a', problem(422, code))
    await queue.flush(ME)
    server.refuses.clear()
  }

  test('is put right and sent under its id', async () => {
    await returned()
    await queue.revise('a', visit('a', { backfill_reason: 'busy' }))
    expect((await queue.flush(ME)).sent).toBe(1)
    expect(server.kept.get('a')).toContain('busy')
  })

  test('is still there when its correction could not be kept', async () => {
    await returned()
    flash.full = true
    await expect(queue.revise('a', visit('a', { backfill_reason: 'busy' }))).rejects.toBeInstanceOf(StorageFailed)
    expect(states()).toEqual(['a returned'])
  })

  test('under a new id leaves nothing of the old one', async () => {
    await returned('visits.id_reused')
    await queue.revise('a', visit('new'))
    expect(states()).toEqual(['new waiting'])
    expect(Array.from(flash.values.keys())).toEqual(['visit:new'])
  })

  test('may be discarded; a visit that never left may, too', async () => {
    await returned()
    expect(await queue.discard('a')).toBe(true)
    await queue.add(ME, visit('b'))
    expect(await queue.discard('b')).toBe(true)
    expect(flash.values.size).toBe(0)
  })
})

test('what was sent is forgotten after its time, what waits never', async () => {
  await queue.add(ME, visit('a'))
  await queue.flush(ME)
  server.before = () => 'lost before'
  await queue.add(ME, visit('b'))
  now += 15 * 24 * 3600 * SECOND
  await queue.prune(now - 14 * 24 * 3600 * SECOND)
  expect(states()).toEqual(['b waiting'])
})

test('signing out while something is on its way leaves nothing behind', async () => {
  await queue.add(ME, visit('a'))
  const flying = queue.flush(ME)
  await queue.forget(ME)
  await flying
  expect(flash.values.size).toBe(0)
  expect(queue.of(ME)).toEqual([])
})

test('two programs over one storage send the same visit: one visit', async () => {
  const other = phone()
  await queue.add(ME, visit('a'))
  await other.load()
  await Promise.all([queue.flush(ME), other.flush(ME)])
  expect(server.calls).toHaveLength(2)
  expect(server.kept.size).toBe(1)
  await queue.load()
  expect(states()).toEqual(['a sent'])
})

test('killed at any write, with a network that loses what it likes: nothing is lost, nothing is there twice', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = chance(seed)
    const pick = (most: number) => Math.floor(random() * most)
    flash = new Flash()
    server = new Server()
    now = Date.UTC(2026, 10, 21, 2)
    const promised = new Set<string>()
    const begun = new Set<string>()
    server.before = () =>
      [
        undefined,
        undefined,
        'lost before' as const,
        'lost after' as const,
        answer(500, problem(500, 'server.error')),
        answer(503, problem(503, 'server.unavailable'), { 'retry-after': '2' }),
        answer(401, problem(401, 'session.missing')),
        answer(200, '<html>'),
      ][pick(8)]

    for (let life = 0; life < 12; life++) {
      flash.restart(1 + pick(6), random() < 0.5)
      queue = phone()
      try {
        await queue.load()
        for (let step = 0; step < 8; step++) {
          now += pick(10) * SECOND
          if (random() < 0.6) {
            const id = `${seed}-${life}-${step}`
            begun.add(id)
            await queue.add(ME, visit(id))
            promised.add(id)
          } else await queue.flush(ME, random() < 0.5)
        }
      } catch (error) {
        if (!(error instanceof Killed)) throw error
      }
    }

    flash.restart()
    server.before = () => undefined
    now += 600 * SECOND
    queue = phone()
    await queue.load()
    await queue.flush(ME, true)
    const there = Array.from(server.kept.keys())
    expect(there.filter((id) => !begun.has(id)), `seed ${seed}`).toEqual([])
    expect(Array.from(promised).filter((id) => !server.kept.has(id)), `seed ${seed}`).toEqual([])
    expect(queue.of(ME).filter((item) => item.state !== 'sent'), `seed ${seed}`).toEqual([])
  }
}, PATIENCE)
