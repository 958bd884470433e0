import { afterAll, expect, test } from 'vitest'
import { boot, ME, problem, until } from './harness.mjs'

const expires_at = '2036-01-01T00:00:00+08:00'
const phone = boot({
  stored: {},
  routes: {
    'POST /auth/wechat': [200, { token: 'u', expires_at, bound: false }],
    'POST /auth/wechat/bind': ({ invite_code }) =>
      invite_code === '7KQM-3F9T-XW2P'
        ? [200, { token: 't', expires_at, bound: true }]
        : problem(404, 'accounts.invitation', '邀请码不存在、已用过或已过期，请向支部书记要一个新的。'),
  },
})
afterAll(() => phone.close())

test('first the privacy agreement, then wx.login, then the invitation', async () => {
  const page = phone.open('pages/sign-in/sign-in')
  await page.says('先看一下隐私说明')
  expect(page.text).not.toContain('微信登录')
  expect(phone.requests.filter(({ method }) => method === 'POST')).toEqual([])

  await page.tap('同意，继续')
  await page.tap('微信登录')
  await page.says('邀请码')
  expect(phone.stored.get('privacy')).toBe('true')
  expect(phone.sent('/auth/wechat').map(({ body }) => body)).toEqual([{ code: 'wx-code' }])

  await page.type('7KQM')
  await page.tap('绑定')
  await page.says('请向支部书记要一个新的')
  await page.type(' 7KQM-3F9T-XW2P ')
  await page.tap('绑定')
  await until(() => phone.did.includes('go /pages/index/index'))
  expect(JSON.parse(phone.stored.get('session')).me.name).toBe(ME.name)
  expect(phone.unencrypted).toEqual([])
})
