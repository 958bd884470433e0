import { describe, expect, test } from 'vitest'
import { Api, type Request } from '../api'
import * as dates from '../dates'
import { checkFeedback, feedbackOf, isWritten, newFeedback } from '../feedback'
import { checkForm, formOf, newForm, notedMs, visitOf } from '../form'
import { asProblem, errorsOf, Refused, sentenceOf, sentencesOf, Unreachable } from '../problem'
import { inOrder, readJson, StorageFailed } from '../store'
import { uuid4 } from '../uuid'
import { wordsOf } from '../words'
import { answer, chance, Flash, problem, visit } from './phone'

describe('days', () => {
  test('of China, whatever the zone of the phone', () => {
    expect(dates.chinaDay(Date.parse('2026-11-21T15:59:59Z'))).toBe('2026-11-21')
    expect(dates.chinaDay(Date.parse('2026-11-21T16:00:00Z'))).toBe('2026-11-22')
  })
  test.each([
    ['2026-11-21', true],
    ['2024-02-29', true],
    ['2026-02-29', false],
    ['2026-13-01', false],
    ['2026-1-1', false],
    ['', false],
  ])('%s is a day: %s', (text, expected) => expect(dates.isDay(text)).toBe(expected))
  test('counting over months, years and leap days', () => {
    expect(dates.addDays('2024-02-28', 2)).toBe('2024-03-01')
    expect(dates.addDays('2026-01-01', -1)).toBe('2025-12-31')
    expect(dates.daysBetween('2026-02-28', '2026-03-01')).toBe(1)
    expect(dates.daysBetween('2026-11-21', '2026-11-08')).toBe(-13)
  })
  test('weeks begin on Monday', () => {
    expect(['2026-11-16', '2026-11-21', '2026-11-22', '2026-11-23'].map(dates.weekStart)).toEqual(
      ['2026-11-16', '2026-11-16', '2026-11-16', '2026-11-23'],
    )
    expect(dates.weekday('2026-11-22')).toBe('星期日')
  })
  test('words', () => {
    expect(dates.dayLabel('2026-11-21')).toBe('11月21日')
    expect(dates.dayLabel('2025-01-02', '2026-11-21')).toBe('2025年1月2日')
    const ago = (day: string) => dates.ago(day, '2026-11-21')
    expect(['2026-11-21', '2026-11-20', '2026-11-22', '2026-11-10', '2026-12-01'].map(ago)).toEqual(
      ['今天', '昨天', '明天', '11 天前', '10 天后'],
    )
    const now = Date.parse('2026-11-21T20:00:00+08:00')
    expect(dates.instantLabel(Date.parse('2026-11-21T06:05:00Z'), now)).toBe('今天 14:05')
    expect(dates.instantLabel(Date.parse('2026-11-20T16:30:00Z') - 3600_000, now)).toBe('11月20日 23:30')
  })
  test('instants there and back, with what old engines cannot read', () => {
    const ms = Date.parse('2026-11-21T06:05:07Z')
    expect(dates.instant(ms)).toBe('2026-11-21T14:05:07+08:00')
    expect(dates.instantMs(dates.instant(ms))).toBe(ms)
    expect(dates.instantMs('2026-11-21T14:05:07.123456+08:00')).toBe(ms + 123)
    expect(dates.instantMs('2026-11-21T06:05:07Z')).toBe(ms)
    expect(dates.instantMs('2026-11-21T02:35:07-03:30')).toBe(ms)
    expect(dates.instantMs('yesterday')).toBeNaN()
  })
})

test('ids are of version 4, and differ', () => {
  const random = chance(7)
  const ids = Array.from({ length: 2000 }, () => uuid4((n) => Array.from({ length: n }, () => Math.floor(random() * 256))))
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true)
  expect(new Set(ids).size).toBe(2000)
  expect(uuid4()).not.toBe(uuid4())
})

describe('problems', () => {
  const refused = new Refused(asProblem(problem(422, 'visits.too_old', '太早。', { occurred_on: ['太早。', '请改。'] }))!)
  test('only what our server says is one', () => {
    for (const body of ['<html>', null, { code: 'x' }, { detail: 'x', code: 1, status: 422 }]) expect(asProblem(body)).toBeNull()
    expect(asProblem({ code: 'x', detail: 'y', status: 422 })).toMatchObject({ errors: {}, title: '' })
  })
  test('a sentence for whatever was thrown', () => {
    expect(sentenceOf(refused)).toBe('太早。')
    expect(sentenceOf(new Unreachable('x'))).toContain('没有连上服务器')
    expect(sentenceOf(new StorageFailed(true))).toContain('存储已满')
    expect(sentenceOf(new StorageFailed(false))).not.toContain('存储已满')
    expect(sentenceOf(new TypeError('x of undefined'))).not.toContain('undefined')
    expect(errorsOf(refused)).toEqual({ occurred_on: ['太早。', '请改。'] })
    expect(errorsOf(new Error())).toEqual({})
    expect(sentencesOf(refused.problem)).toEqual(['太早。', '请改。'])
  })
})

describe('calls', () => {
  const calling = (reply: ReturnType<typeof answer>, token: string | null = 't') => {
    const sent: Request[] = []
    const ended: string[] = []
    const transport = async (request: Request) => (sent.push(request), reply)
    return { api: new Api(transport, () => token, (one) => void ended.push(one)), sent, ended }
  }
  test('path, query, body and token', async () => {
    const { api, sent } = calling(answer(200, {}))
    await api.sync(null)
    await api.sync('a b&c')
    await api.visits('h1', 20)
    await api.phoneOf('h1')
    expect(sent.map((one) => `${one.method} ${one.path}`)).toEqual([
      'GET /api/v1/sync',
      'GET /api/v1/sync?cursor=a%20b%26c',
      'GET /api/v1/visits?household_id=h1&limit=20',
      'POST /api/v1/households/h1/reveal',
    ])
    expect(sent[3]).toMatchObject({ body: { fields: ['phone'], purpose: 'contact' }, token: 't' })
    expect(sent[0].body).toBeNull()
  })
  test('a batch has more time than a single call', async () => {
    const { api, sent } = calling(answer(200, {}))
    await api.send('POST', '/visits', {})
    await api.send('POST', '/visits/batch', {})
    expect(sent[1].timeout_ms).toBeGreaterThan(sent[0].timeout_ms)
  })
  test('a problem is thrown as one, anything else as no answer; 204 is an answer', async () => {
    await expect(calling(answer(404, problem(404, 'households.not_found'))).api.household('x')).rejects.toBeInstanceOf(Refused)
    for (const reply of [answer(200, '<html>'), answer(502, 'Bad Gateway'), answer(200, null)])
      await expect(calling(reply).api.me()).rejects.toBeInstanceOf(Unreachable)
    expect(await calling(answer(204, '')).api.signOut()).toBeNull()
  })
  test('an ended session is told once for the token that ended; a wrong login code is not one', async () => {
    const session = calling(answer(401, problem(401, 'session.missing')))
    await expect(session.api.me()).rejects.toBeInstanceOf(Refused)
    expect(session.ended).toEqual(['t'])
    const code = calling(answer(401, problem(401, 'accounts.wechat_code')))
    await expect(code.api.signInWithWechat('x')).rejects.toBeInstanceOf(Refused)
    const nobody = calling(answer(401, problem(401, 'session.missing')), null)
    await expect(nobody.api.me()).rejects.toBeInstanceOf(Refused)
    expect([...code.ended, ...nobody.ended]).toEqual([])
  })
})

describe('feedback', () => {
  const filled = (more = {}) => ({ ...newFeedback('id'), kind: 'fault' as const, text: '打不开', ...more })
  const wrong = (more = {}) => Object.keys(checkFeedback(filled(more)))

  test('is unsigned and without a kind at first', () => {
    expect(newFeedback('id')).toMatchObject({ kind: null, signed: false })
    expect(Object.keys(checkFeedback(newFeedback('id')))).toEqual(['kind', 'text'])
    expect(() => feedbackOf(newFeedback('id'))).toThrow()
  })
  test.each<[object, string[]]>([
    [{}, []],
    [{ text: ' \u0007 ' }, ['text']],
    [{ text: '😀'.repeat(500), contact: '字'.repeat(50) }, []],
    [{ text: '字'.repeat(501), contact: '字'.repeat(51) }, ['text', 'contact']],
    [{ text: '卡 6222 0210 0100 0000', contact: '51010719600101123X' }, ['text', 'contact']],
    [{ contact: '13800138000，找老李' }, []],
  ])('%j -> %j', (more, expected) => expect(wrong(more)).toEqual(expected))

  test('is sent as the server reads it', () => {
    const sent = { client_id: 'id', kind: 'fault', text: '打不\n开', contact: null, signed: false }
    expect(feedbackOf(filled({ text: ' 打\u0007不\n开 ', contact: '  ' }))).toEqual(sent)
  })
  test('is worth keeping once something is written', () => {
    expect([{ text: ' ' }, { text: '字' }, { text: '', contact: '1' }].map((more) => isWritten(filled(more)))).toEqual([false, true, true])
  })
})

describe('the form', () => {
  const TODAY = '2026-11-21'
  const NOON = Date.parse('2026-11-21T12:00:00+08:00')
  const form = (more = {}) => ({ ...newForm('id', 'h1', TODAY), mode: 'in_person' as const, outcome: 'met' as const, ...more })
  const wrong = (more = {}) => Object.keys(checkForm(form(more), TODAY))

  test('is empty but for today and the door; nobody is met by default', () => {
    expect(Object.keys(checkForm(newForm('id', 'h1', TODAY), TODAY))).toEqual(['mode', 'outcome'])
    expect(wrong()).toEqual([])
  })
  test.each<[object, string[]]>([
    [{ occurred_on: '2026-11-22' }, ['occurred_on']],
    [{ occurred_on: '2025-11-20' }, ['occurred_on', 'backfill_reason']],
    [{ occurred_on: 'x' }, ['occurred_on']],
    [{ occurred_on: '2026-11-14' }, []],
    [{ occurred_on: '2026-11-13' }, ['backfill_reason']],
    [{ occurred_on: '2026-11-13', backfill_reason: 'busy' }, []],
    [{ note: '字'.repeat(200) }, []],
    [{ note: '😀'.repeat(200) }, []],
    [{ note: '字'.repeat(201) }, ['note']],
    [{ note: '身份证 51010719600101123X，卡 6222 0210 0100 0000' }, ['note']],
    [{ note: '电话 13800138000，三组 20 户' }, []],
    [{ companion_ids: Array(11).fill('c') }, ['companion_ids']],
  ])('%j -> %j', (more, expected) => expect(wrong(more)).toEqual(expected))

  test('is sent as the server reads it', () => {
    expect(visitOf(form({ note: ' 屋顶\u0007漏雨 ', backfill_reason: 'busy' }), NOON)).toEqual({
      client_id: 'id',
      household_id: 'h1',
      occurred_on: TODAY,
      noted_at: '2026-11-21T12:00:00+08:00',
      mode: 'in_person',
      outcome: 'met',
      topics: [],
      note: '屋顶漏雨',
      companion_ids: [],
      backfill_reason: null, // Of no day so long ago.
      needs_follow_up: false,
    })
    expect(visitOf(form({ note: '  ' }), NOON).note).toBeNull()
    expect(visitOf(form({ occurred_on: '2026-11-01', backfill_reason: 'busy' }), NOON).backfill_reason).toBe('busy')
    expect(() => visitOf(newForm('id', 'h1', TODAY), NOON)).toThrow()
  })
  test('comes back as it was', () => {
    const before = form({ note: '屋顶漏雨', topics: ['care'], needs_follow_up: true })
    expect(formOf(visitOf(before, NOON))).toEqual(before)
  })
  test('a correction was noted when the visit was, unless that cannot be', () => {
    const before = visitOf(form(), NOON)
    expect(notedMs(before, form(), NOON + 5)).toBe(NOON)
    expect(notedMs(before, form({ occurred_on: '2026-11-22' }), NOON + 86400_000)).toBe(NOON + 86400_000)
    expect(notedMs(before, form(), NOON - 5)).toBe(NOON - 5)
  })
})

describe('words of what waits', () => {
  const NOW = Date.parse('2026-11-21T12:00:00+08:00')
  const item = (more: object) => ({
    visit: visit('a'),
    owner: 'me',
    state: 'waiting' as const,
    noted_ms: NOW - 3600_000,
    tries: 0,
    tried_ms: null,
    why: 'new' as const,
    retry_ms: null,
    problem: null,
    sent_ms: null,
    voided: false,
    ...more,
  })
  test.each([
    [{}, { state: '待上传', when: '今天 11:00 登记', why: '刚登记，有网络时自动上传。' }],
    [
      { why: 'offline', tried_ms: NOW },
      { state: '待上传', when: '今天 11:00 登记，今天 12:00 试过上传', why: '没有连上服务器，有信号后自动上传。' },
    ],
    [
      { why: 'busy', tried_ms: NOW, retry_ms: NOW + 60_000 },
      { state: '待上传', when: '今天 11:00 登记，今天 12:00 试过上传', why: '服务器请稍等，今天 12:01 后自动再传。' },
    ],
    [
      { state: 'returned', tried_ms: NOW, problem: problem(422, 'x', '日期太早。', { occurred_on: ['请改。'] }) },
      { state: '被退回', when: '今天 11:00 登记，今天 12:00 试过上传', why: '日期太早。请改。' },
    ],
    [{ state: 'sent', sent_ms: NOW }, { state: '已上传', when: '今天 11:00 登记，今天 12:00 上传', why: '' }],
  ])('%j', (more, expected) => expect(wordsOf(item(more), NOW)).toEqual(expected))
  test('voided since', () => expect(wordsOf(item({ state: 'sent', voided: true }), NOW).state).toBe('已上传，后来作废'))
})

describe('the storage', () => {
  test('in order: a wipe asked for after a slow write comes after it, and a failure holds up nothing', async () => {
    const flash = new Flash()
    const slow = { ...wrap(flash), set: async (key: string, value: string) => {
      for (let i = 0; i < 10; i++) await null
      return flash.set(key, value)
    } }
    const store = inOrder(slow)
    const write = store.set('a', '1')
    const wipe = store.remove('a')
    await Promise.all([write, wipe])
    expect(flash.values.size).toBe(0)
    flash.full = true
    await expect(store.set('b', '1')).rejects.toBeInstanceOf(StorageFailed)
    flash.full = false
    await store.set('c', '{"x":1}')
    expect(await readJson(store, 'c')).toEqual({ x: 1 })
    expect(await store.keys()).toEqual(['c'])
  })
  test('what cannot be read is nothing', async () => {
    const flash = new Flash()
    flash.values.set('a', '{"half')
    expect(await readJson(flash, 'a')).toBeNull()
    expect(await readJson(flash, 'b')).toBeNull()
  })
})

function wrap(flash: Flash) {
  return {
    keys: () => flash.keys(),
    get: (key: string) => flash.get(key),
    remove: (key: string) => flash.remove(key),
  }
}
