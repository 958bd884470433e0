import { afterAll, expect, test } from 'vitest'
import { boot, signedIn, until } from './harness.mjs'

const phone = boot({
  stored: signedIn(),
  routes: {
    'POST /feedback': ({ client_id, kind }) => [
      201,
      { id: client_id, number: '000008', kind, state: 'received', sent_at: '2026-11-21T10:00:00+08:00', answer: null, answered_at: null },
    ],
  },
})
afterAll(() => phone.close())

test('signed in, the name is attached only where somebody wants it', async () => {
  const page = phone.open('pages/feedback/feedback')
  for (const wants of [false, true]) {
    await page.tap('建议')
    await page.write('字再大一点')
    await page.type('13800138000')
    if (wants) await page.tap('附上我的姓名')
    await page.tap('提交')
    await until(() => phone.sent('/feedback').length === (wants ? 2 : 1))
    await page.says('已收到，编号 000008')
  }
  expect(phone.sent('/feedback').map(({ body }) => [body.kind, body.contact, body.signed])).toEqual([
    ['suggestion', '13800138000', false],
    ['suggestion', '13800138000', true],
  ])
})
