import { afterAll, expect, test } from 'vitest'
import { boot, problem, until } from './harness.mjs'

const SAID = '名单打不开'
const sent_at = '2026-11-21T10:00:00+08:00'
let refusal = null
let answer = null
const receipt = (id, kind = 'fault') => ({ id, number: '000007', kind, state: answer ? 'answered' : 'received', sent_at, answer, answered_at: null })
const phone = boot({
  stored: {},
  online: false,
  routes: { 'POST /feedback': ({ client_id, kind }) => refusal || [201, receipt(client_id, kind)] },
})
afterAll(() => phone.close())

test('without signing in and without a network: what is wrong is said, what is written is kept and not lost', async () => {
  const page = phone.open('pages/feedback/feedback')
  await page.says('没有网络', '默认不记是谁写的')
  expect(page.text).not.toContain('附上我的姓名')
  await page.tap('提交')
  await page.says('请选是建议、投诉，还是程序故障', '请写一写是什么事')

  await page.tap('程序故障')
  await page.write('卡 6222 0210 0100 0000')
  await page.tap('提交')
  await page.says('像是身份证号或银行卡号')
  await page.write(SAID)
  await page.tap('提交')
  await page.says('写的已存在这部手机里')
  expect(phone.kept('feedback')[0].draft).toMatchObject({ kind: 'fault', text: SAID, contact: '', signed: false })
  expect(phone.unencrypted).toEqual([])
})

test('opened again with a network it is all there; refused it stays, sent it says its number and the answer', async () => {
  phone.connect(true)
  const page = phone.open('pages/feedback/feedback')
  await until(() => page.dom.querySelector('wx-textarea'))
  refusal = problem(429, 'request.too_many', '请等 3 秒再试。')
  await page.tap('提交')
  await page.says('请等 3 秒再试')
  expect(phone.holds(SAID)).toBe(true)

  refusal = null
  await Promise.all([page.tap('提交'), page.tap('提交')])
  await page.says('已收到，编号 000007', '我的意见', SAID)
  expect(phone.sent('/feedback').map(({ body }) => body.client_id)).toHaveLength(2)
  const { body } = phone.sent('/feedback')[1]
  expect(body).toMatchObject({ kind: 'fault', text: SAID, contact: null, signed: false })
  expect(phone.kept('feedback')[0].draft).toBe(null)

  answer = '已经修好，请更新小程序'
  phone.routes[`GET /feedback/${body.client_id}`] = () => [200, receipt(body.client_id)]
  const again = phone.open('pages/feedback/feedback')
  await again.says('已答复', '答复：已经修好')
  expect(phone.unencrypted).toEqual([])
})
