import { afterAll, expect, test } from 'vitest'
import { boot, day, household, id, signedIn, sync } from './harness.mjs'

const mine = [
  household(1, { head_name: '王秀兰', group: '二组', tier: 'key', due_kind: 'key', due_on: day(-3), state: 'overdue' }),
  household(2, { head_name: '陈桂芳', group: '一组', residence: 'away', due_on: day(60), state: 'ok', last_contact_on: day() }),
  household(3, { head_name: '赵大成', group: '一组', due_on: day(4) }),
]
const obligations = [{ id: id(70), household_id: id(3), kind: 'illness', since: day(-1), due_on: day(2), state: 'due_soon' }]
let answer = sync({ households: mine, obligations })
const phone = boot({ scale: 1.4, stored: signedIn(mine), routes: { 'GET /sync': () => [200, answer] } })
afterAll(() => phone.close())

test('the list says in words what is due, by group, in the elder view where the type is large', async () => {
  const page = phone.open('pages/index/index')
  await page.says('还有 2 户该走访', '共 3', '逾期 3 天', '重点户')
  await page.says('生病住院', '还有 2 天')
  expect(page.text).not.toContain('陈桂芳')
  expect(page.text.indexOf('赵大成')).toBeLessThan(page.text.indexOf('王秀兰'))
  expect(page.dom.innerHTML).toMatch(/class="[^"]*\belder\b/)

  await page.tap('按逾期')
  expect(page.text.indexOf('王秀兰')).toBeLessThan(page.text.indexOf('赵大成'))
  await page.tap('全部')
  await page.says('陈桂芳', '外出')

  await page.tap('王秀兰')
  expect(phone.did).toContain(`go /pages/household/household?id=${id(1)}`)
  await page.tap('走访登记')
  expect(phone.did).toContain(`go /pages/visit/visit?id=${id(1)}`)
})

test('a household handed over goes from the page and from the phone, and a sentence says why', async () => {
  const page = phone.open('pages/index/index')
  await page.says('王秀兰')
  answer = sync({ full: false, cursor: 'd', revoked: [{ household_id: id(1), on: day(), reason: 'handed_over', successor_id: null }] })
  page.page.onPullDownRefresh()
  await page.saysNoMore('王秀兰')
  await page.says('不再由你联系：已交接给其他党员')
  expect(phone.holds('王秀兰')).toBe(false)
  await page.tap('知道了')
  await page.saysNoMore('不再由你联系')
  expect(phone.unencrypted).toEqual([])
})
