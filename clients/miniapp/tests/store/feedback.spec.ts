import type { Answer, FeedbackIn, Request } from '@core/api'
import { beforeEach, expect, test, vi } from 'vitest'
import { problem } from '../../../core/tests/phone'
import type * as Stores from '../../src/store'

/** A server that takes feedback from anybody, and signs in whoever is next. */
class Office {
  sent = new Map<string, FeedbackIn>()
  answers = new Map<string, string>()
  whoLogsIn = 'wang'
  /** Answers get lost on their way. */
  isDeaf = false

  serve = ({ method, path, body, token }: Request): Answer => {
    const ok = (of: unknown, status = 200): Answer => ({ status, headers: {}, body: of })
    const call = `${method} ${path.split('?')[0].replace('/api/v1', '')}`
    if (call === 'POST /auth/wechat') return ok({ token: this.whoLogsIn, expires_at: '2036-01-01T00:00:00+08:00', bound: true })
    if (call === 'DELETE /auth/session') return ok('', 204)
    if (call === 'GET /me') return ok({ account_id: `account-${token}`, person_id: token, name: '李建国', branch: null, roles: [], verbs: [] })
    if (call === 'POST /feedback') {
      const said = body as FeedbackIn
      const before = this.sent.get(said.client_id)
      if (before && before.text !== said.text) return ok(problem(409, 'request.client_id_reused'), 409)
      this.sent.set(said.client_id, said)
      return this.isDeaf ? { status: 502, headers: {}, body: '' } : ok(this.receipt(said), before ? 200 : 201)
    }
    const said = call.startsWith('GET /feedback/') && this.sent.get(call.slice(14))
    return said ? ok(this.receipt(said)) : ok(problem(404, 'request.not_found'), 404)
  }
  private receipt({ client_id, kind }: FeedbackIn) {
    const answer = this.answers.get(client_id) || null
    const state = answer ? 'answered' : 'received'
    return { id: client_id, number: '000007', kind, state, sent_at: '2026-11-21T10:00:00+08:00', answer, answered_at: null }
  }
}

const SAID = '名单打不开'
let office: Office
let phone: (typeof import('./fake'))['phone']
let stores: typeof Stores

async function start(): Promise<void> {
  const { flash, online } = phone || {}
  vi.resetModules()
  phone = (await import('./fake')).phone
  if (flash) Object.assign(phone, { flash, online })
  phone.serve = office.serve
  stores = await import('../../src/store')
  await stores.ready()
}
const written = (more = {}) => ({ ...stores.draftOf(), kind: 'fault' as const, text: SAID, ...more })
const holds = (words: string) => JSON.stringify(Array.from(phone.flash.values.entries())).includes(words)

beforeEach(async () => {
  office = new Office()
  phone = undefined as never
  await start()
})

test('without signing in: a draft outlives the program, is sent once, and its answer comes', async () => {
  const form = written()
  await stores.keepDraft(form)
  phone.online = false
  await start()
  expect(stores.draftOf()).toEqual(form)
  await expect(stores.sendFeedback(stores.draftOf())).rejects.toThrow()
  expect(stores.draftOf()).toEqual(form)

  phone.online = true
  await stores.sendFeedback(stores.draftOf())
  expect(stores.draftOf()).toMatchObject({ kind: null, text: '' })
  expect(stores.draftOf().client_id).not.toBe(form.client_id)
  expect(stores.feedback.sent).toMatchObject([{ id: form.client_id, number: '000007', text: SAID, answer: null }])
  expect(phone.requests.map(({ token }) => token)).not.toContain('wang')

  office.answers.set(form.client_id, '已经修好')
  await start()
  await stores.askForAnswers()
  phone.online = false
  await start()
  await stores.askForAnswers()
  expect(stores.feedback.sent).toMatchObject([{ state: 'answered', answer: '已经修好' }])
})

test('an empty form is nothing to keep, and an answer that is there is not asked for again', async () => {
  await stores.keepDraft(written({ text: ' ' }))
  expect(phone.flash.values.has('feedback')).toBe(false)
  const { id } = await stores.sendFeedback(written())
  office.answers.set(id, '好')
  await stores.askForAnswers()
  const asked = phone.requests.length
  await stores.askForAnswers()
  expect(phone.requests.length).toBe(asked)
})

test('a wording that arrived unheard stays what it was; the new wording is another', async () => {
  office.isDeaf = true
  const form = written()
  await expect(stores.sendFeedback(form)).rejects.toThrow()
  office.isDeaf = false
  await stores.sendFeedback({ ...form, text: '改了写法' })
  expect(Array.from(office.sent.values(), ({ text }) => text)).toEqual([SAID, '改了写法'])
  expect(stores.feedback.sent.map(({ id, text }) => [id === form.client_id, text])).toEqual([[false, '改了写法']])
})

test('what nobody wrote is of the next who signs in; it goes with them, and nobody else sees it', async () => {
  await stores.agreeToPrivacy()
  await stores.sendFeedback(written())
  await stores.keepDraft(written({ text: '还没写完' }))
  await stores.signIn()
  expect(stores.feedback.sent).toHaveLength(1)
  expect(stores.draftOf().text).toBe('还没写完')
  await start()
  expect(stores.draftOf().text).toBe('还没写完')

  office.whoLogsIn = 'li'
  await stores.signIn()
  expect([stores.feedback.sent.length, holds(SAID), holds('还没写完')]).toEqual([0, false, false])

  await stores.sendFeedback(written())
  await stores.signOut({ discard: false })
  expect([stores.feedback.sent.length, holds(SAID)]).toEqual([0, false])
})

test('after a sign-out that was cut short nothing of it stays', async () => {
  await stores.agreeToPrivacy()
  await stores.signIn()
  await stores.sendFeedback(written())
  phone.flash.values.delete('session')
  await start()
  expect([stores.feedback.sent.length, holds(SAID)]).toEqual([0, false])
})
