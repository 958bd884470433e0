import { afterAll, expect, test } from 'vitest'
import { boot, household, id, queued, signedIn, until } from './harness.mjs'

const phone = boot({ online: false, stored: { ...signedIn([household(1, { head_name: '王秀兰' })]), [`visit:${id(12)}`]: queued(12) } })
afterAll(() => phone.close())

test('the elder view is a switch', async () => {
  const page = phone.open('pages/me/me')
  await page.says('李建国', '石桥村党支部')
  const isElder = () => /class="[^"]*\belder\b/.test(page.dom.innerHTML)
  expect(isElder()).toBe(false)
  await page.tap('长辈版')
  await until(isElder)
  await page.tap('自动')
  await until(() => !isElder())
})

test('signing out says what would be lost, and wipes the phone', async () => {
  const page = phone.open('pages/me/me')
  await page.tap('退出登录')
  await until(() => phone.did.some((done) => done.includes('还有 1 条走访登记没有上传')))
  await until(() => phone.did.includes('go /pages/waiting/waiting'))
  expect(phone.stored.has(`visit:${id(12)}`)).toBe(true)

  phone.answers = [true]
  await page.tap('退出登录')
  await until(() => phone.did.includes('go /pages/sign-in/sign-in'))
  for (const personal of ['王秀兰', '李建国', id(12)]) expect(phone.holds(personal)).toBe(false)
  expect(phone.stored.has('session')).toBe(false)
})
