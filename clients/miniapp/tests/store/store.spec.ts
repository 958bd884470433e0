import type { Answer, Request } from '@core/api'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { problem } from '../../../core/tests/phone'
import type * as Stores from '../../src/store'

const SECRET_NAME = '王秀兰'
const household = (id: string) => ({
  id,
  version: 1,
  head_name: SECRET_NAME,
  group: '3组',
  micro_grid: null,
  role: 'primary',
  tier: 'ordinary',
  residence: 'resident',
  state: 'due',
  due_on: '2026-11-01',
  due_kind: 'ordinary',
  last_contact_on: null,
})

/** A township in a function: sessions by token, households by person. */
class Township {
  people: Record<string, string[]> = { wang: ['h1', 'h2'] }
  tokens = new Map<string, string | null>()
  visits: string[] = []
  whoLogsIn: string | null = 'wang'
  private given = 0

  serve = ({ method, path, body, token }: Request): Answer => {
    const ok = (of: unknown, status = 200): Answer => ({ status, headers: {}, body: of })
    const give = (person: string | null) => {
      const fresh = `token-${++this.given}`
      this.tokens.set(fresh, person)
      return ok({ token: fresh, expires_at: '2027-02-01T00:00:00+08:00', bound: person !== null })
    }
    const call = `${method} ${path.split('?')[0].replace('/api/v1', '')}`
    if (call === 'GET /codes') return ok({ topics: [{ code: 'care', name: '关爱慰问' }] })
    if (call === 'POST /auth/wechat') return give(this.whoLogsIn)
    const person = token === null ? undefined : this.tokens.get(token)
    if (person === undefined) return ok(problem(401, 'session.missing'), 401)
    if (call === 'POST /auth/wechat/bind') return give('wang')
    if (call === 'DELETE /auth/session') {
      this.tokens.delete(token as string)
      return ok('', 204)
    }
    if (call === 'GET /me')
      return ok({ account_id: `account-${person}`, person_id: person, name: '李建国', branch: null, roles: [], verbs: [] })
    if (call === 'GET /sync')
      return ok({
        households: this.people[person as string].map(household),
        revoked: [],
        obligations: [],
        colleagues: [],
        server_time: '2026-11-21T10:00:00+08:00',
        cursor: 'c',
        full: true,
        more: false,
      })
    if (call === 'POST /visits') {
      const { client_id } = body as { client_id: string }
      this.visits.push(`${person} ${client_id}`)
      return ok({ client_id, state: 'recorded' }, 201)
    }
    if (/^POST \/visits\/.*\/void$/.test(call)) return ok({ state: 'voided' })
    return ok(problem(404, 'request.not_found'), 404)
  }
}

let township: Township
let phone: (typeof import('./fake'))['phone']
let stores: typeof Stores

/** The program starts, on the phone as it is. */
async function start(): Promise<void> {
  const { flash, online, isBrowser } = phone || {}
  vi.resetModules()
  phone = (await import('./fake')).phone
  if (flash) Object.assign(phone, { flash, online, isBrowser })
  phone.serve = township.serve
  stores = await import('../../src/store')
  await stores.ready()
}
const quiet = () => vi.waitFor(() => expect([stores.queue.sending, stores.households.loading]).toEqual([false, false]))
const stored = () => JSON.stringify(Array.from(phone.flash.values.entries()))
const form = (id = 'h1') => ({ ...stores.newForm(id), mode: 'in_person' as const, outcome: 'met' as const })
const listed = () => stores.households.items.map((one) => one.id)

beforeEach(async () => {
  township = new Township()
  phone = undefined as never
  await start()
  await stores.agreeToPrivacy()
})

describe('signing in', () => {
  test('a fresh phone: out, then in with the list, which is there without network after a restart', async () => {
    expect(stores.session.state).toBe('out')
    expect(stores.households.empty_because).toContain('有信号')
    await stores.signIn()
    expect(stores.session).toMatchObject({ state: 'in', me: { person_id: 'wang' } })
    expect(listed()).toEqual(['h1', 'h2'])
    expect(stores.word('topics', 'care')).toBe('关爱慰问')

    phone.online = false
    await start()
    await stores.refresh()
    expect(stores.session.state).toBe('in')
    expect(listed()).toEqual(['h1', 'h2'])
    expect(stores.word('topics', 'care')).toBe('关爱慰问')
    expect(phone.requests).toEqual([])
  })

  test('a WeChat that is nobody yet is unbound; bound, it is in', async () => {
    township.whoLogsIn = null
    await stores.signIn()
    expect(stores.session.state).toBe('unbound')
    await stores.bind('7KQM-3F9T-XW2P')
    expect(stores.session.state).toBe('in')
    expect(listed()).toEqual(['h1', 'h2'])
  })

  test('what fails is thrown and leaves nobody half signed in', async () => {
    phone.serve = (request) => (request.path.endsWith('/me') ? { status: 502, headers: {}, body: '' } : township.serve(request))
    await expect(stores.signIn()).rejects.toThrow()
    expect(stores.session.state).toBe('out')
    expect(stored()).not.toContain('token-')
  })
})

describe('registering', () => {
  beforeEach(() => stores.signIn())

  test('without network from a cold start: kept, shown, sent once when the network is back', async () => {
    phone.online = false
    await start()
    await stores.register(form())
    expect(stores.queue).toMatchObject({ waiting: 1 })
    expect(stores.statusOf(stores.householdOf('h1')!).key).toBe('waiting')
    expect(township.visits).toEqual([])
    await start()
    expect(stores.queue.waiting).toBe(1)
    phone.network(true)
    await vi.waitFor(() => expect(township.visits).toHaveLength(1))
    await quiet()
    expect(stores.queue).toMatchObject({ waiting: 0, items: [{ state: 'sent' }], arrived: 1 })
    stores.readArrivals()
    expect(stores.queue.arrived).toBe(0)
  })

  test('sent at once there is nothing to tell; voided on the server it is no second one of the day', async () => {
    const first = form()
    await stores.register(first)
    await vi.waitFor(() => expect(stores.queue.items).toMatchObject([{ state: 'sent' }]))
    await quiet()
    expect(stores.queue.arrived).toBe(0)
    expect(stores.sameDay(form())).toHaveLength(1)
    await stores.voidVisit(first.client_id, 'wrong_day')
    expect(stores.sameDay(form())).toEqual([])
    expect(stores.wordsOf(stores.queue.items[0] as never).state).toBe('已上传，后来作废')
    await start()
    expect(stores.sameDay(form())).toEqual([])
  })

  test('an answer that was under way when the signal went does not bring it back', async () => {
    let answer = (): void => undefined
    phone.serve = (request) =>
      new Promise((resolve) => {
        answer = () => resolve(township.serve(request))
      })
    phone.requests.length = 0
    const asked = stores.refresh()
    await vi.waitFor(() => expect(phone.requests).toHaveLength(1))
    phone.network(false)
    answer()
    await asked
    expect(stores.network.online).toBe(false)
    phone.serve = township.serve
    phone.network(true)
    await vi.waitFor(() => expect(stores.network.online).toBe(true))
    await quiet()
  })

  test('a storage that is full is said, and the form may be sent again', async () => {
    phone.online = false
    phone.flash.full = true
    const one = form()
    await expect(stores.register(one)).rejects.toMatchObject({ sentence: expect.stringContaining('存储已满') })
    expect(stores.queue.waiting).toBe(0)
    phone.flash.full = false
    await stores.register(one)
    expect(stores.queue.waiting).toBe(1)
  })

  test('the session ended meanwhile: WeChat signs in again by itself, and the visit arrives', async () => {
    township.tokens.clear()
    await stores.register(form())
    await vi.waitFor(() => expect(township.visits).toHaveLength(1))
    await quiet()
    expect(stores.session.state).toBe('in')
    expect(listed()).toEqual(['h1', 'h2'])
  })

  test('in a browser it asks to sign in; list and visit stay until then', async () => {
    phone.isBrowser = true
    township.tokens.clear()
    await stores.register(form())
    await vi.waitFor(() => expect(stores.session.state).toBe('expired'))
    await quiet()
    expect(stores.queue.items[0]).toMatchObject({ state: 'waiting', why: 'sign_in' })
    await start()
    expect(stores.session.state).toBe('expired')
    expect(listed()).toEqual(['h1', 'h2'])
    await stores.signIn('standin:wang')
    await vi.waitFor(() => expect(township.visits).toHaveLength(1))
  })

  test('a household that is no longer mine goes with all about it; the visit to it still goes out', async () => {
    phone.online = false
    await stores.register(form('h2'))
    phone.flash.values.set('history:h2', '[]')
    township.people.wang = ['h1']
    phone.network(true)
    await vi.waitFor(() => expect(listed()).toEqual(['h1']))
    await quiet()
    expect(township.visits).toHaveLength(1)
    expect(Array.from(phone.flash.values.keys())).not.toContain('history:h2')
    expect(stores.households.revoked).toHaveLength(1)
    await stores.forgetRevoked()
    await start()
    expect(stores.households.revoked).toEqual([])
  })
})

describe('leaving', () => {
  beforeEach(() => stores.signIn())

  test('signing out wipes every name and token; the server forgets the session', async () => {
    expect(stored()).toContain(SECRET_NAME)
    await stores.register(form())
    await vi.waitFor(() => expect(township.visits).toHaveLength(1))
    await quiet()
    expect(await stores.signOut({ discard: false })).toEqual({ done: true })
    expect(township.tokens.size).toBe(0)
    for (const word of [SECRET_NAME, '李建国', 'token-', 'h1']) expect(stored()).not.toContain(word)
    expect([stores.session.state, stores.session.me, listed(), stores.queue.items]).toEqual(['out', null, [], []])
  })

  test('with visits waiting it asks first', async () => {
    phone.network(false)
    await stores.register(form())
    expect(await stores.signOut({ discard: false })).toEqual({ done: false, waiting: 1 })
    expect(stores.session.state).toBe('in')
    expect(await stores.signOut({ discard: true })).toEqual({ done: true })
    expect(stored()).not.toContain('visit:')
  })

  test('another person on the phone sees nothing of the first, whose visit waits for them', async () => {
    phone.network(false)
    await stores.register(form())
    phone.online = true
    township.people.li = ['h9']
    township.whoLogsIn = 'li'
    await stores.signIn()
    await quiet()
    expect(listed()).toEqual(['h9'])
    expect(stores.queue).toMatchObject({ items: [], others: 1 })
    expect(township.visits).toEqual([])
    township.whoLogsIn = 'wang'
    await stores.signIn()
    phone.network(true)
    await vi.waitFor(() => expect(township.visits).toEqual([expect.stringMatching(/^wang /)]))
  })

  test('bound to nobody any more: the list goes at once', async () => {
    township.tokens.clear()
    township.whoLogsIn = null
    await stores.refresh()
    await vi.waitFor(() => expect(stores.session.state).toBe('unbound'))
    expect(listed()).toEqual([])
    expect(stored()).not.toContain(SECRET_NAME)
  })

  test.each([
    ['30 days without network', 31, 'in'],
    ['7 days after the session ended', 8, 'out'],
  ])('%s the names are off the phone', async (_name, days, state) => {
    phone.isBrowser = true
    if (state === 'out') {
      township.tokens.clear()
      await stores.refresh()
      await vi.waitFor(() => expect(stores.session.state).toBe('expired'))
    }
    phone.online = false
    vi.useFakeTimers({ now: Date.now() + days * 86400_000, toFake: ['Date'] })
    await start()
    vi.useRealTimers()
    expect(stores.session.state).toBe(state)
    expect(listed()).toEqual([])
    expect(stored()).not.toContain(SECRET_NAME)
  })
})

test('the elder view: chosen, kept, and never below its size', async () => {
  expect(stores.settings.elder).toBe(false)
  await stores.setElder('on')
  expect(stores.settings).toMatchObject({ elder: true, elder_choice: 'on' })
  expect(stores.settings.scale).toBeGreaterThan(1.2)
  await start()
  expect(stores.settings.elder).toBe(true)
})
