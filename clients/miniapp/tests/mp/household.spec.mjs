import { afterAll, expect, test } from 'vitest'
import { boot, day, household, id, problem, signedIn, sync, until } from './harness.mjs'

const mine = [household(1, { head_name: '王秀兰' })]
let obligations = []
const told = {
  id: id(31), client_id: id(31), household_id: id(1), visitor_id: id(901), entered_by: id(900), occurred_on: day(-9), noted_at: '', recorded_at: '',
  mode: 'in_person', outcome: 'met', topics: ['care'], companion_ids: [], note: '想换灯泡', backfill_reason: null, needs_follow_up: false, late: false,
  state: 'recorded', void_reason: null,
}
const phone = boot({
  stored: signedIn(mine),
  routes: {
    'GET /sync': () => [200, sync({ households: mine, obligations })],
    'GET /visits': () => [200, { items: [told], next: null }],
    [`GET /households/${id(1)}`]: [200, { id: id(1), has_phone: true, address: '石桥村一组 8 号' }],
    [`POST /households/${id(1)}/reveal`]: [200, { household_id: id(1), head_name: null, phone: '13800001111', address: null }],
    'POST /must-visits': problem(409, 'obligations.open', '“生病住院”已经提出，不用再提。'),
  },
})
afterAll(() => phone.close())

test('a household shows its visits; address, telephone and note are shown and never stored', async () => {
  const page = phone.open('pages/household/household', { id: id(1) })
  await page.says('石桥村一组 8 号', '关爱慰问', '想换灯泡')
  expect(page.text).not.toContain('13800001111')
  await page.tap('看号码')
  await page.says('13800001111')
  for (const personal of ['13800001111', '8 号', '想换灯泡']) expect(phone.holds(personal)).toBe(false)
  expect(phone.holds('王秀兰')).toBe(true)
})

test('a must-visit is raised once, and its deadline is shown', async () => {
  const page = phone.open('pages/household/household', { id: id(1) })
  await page.tap('提出必访')
  expect(page.text).not.toContain('外出返乡')
  await page.tap('提出')
  await page.says('请选一件事')
  await page.tap('生病住院')
  await page.tap('提出')
  await page.says('已经提出，不用再提')
  phone.routes['POST /must-visits'] = (body) => {
    obligations = [{ id: body.client_id, household_id: id(1), kind: body.kind, since: body.since, due_on: day(3), state: 'due_soon' }]
    return [201, obligations[0]]
  }
  await page.tap('提出')
  await page.says('还有 3 天')
  const [first, second] = phone.sent('/must-visits')
  expect(second.body).toMatchObject({ client_id: first.body.client_id, household_id: id(1), kind: 'illness', since: day() })
})

test('a must-visit that somebody met before it was raised says so', async () => {
  const page = phone.open('pages/household/household', { id: id(1) })
  const before = obligations
  phone.routes['POST /must-visits'] = (body) => [201, { id: body.client_id, state: 'met' }]
  await page.tap('提出必访')
  await page.tap('生病住院')
  await page.tap('提出')
  await until(() => phone.did.some((done) => done.includes('这次必访已经落实')))
  obligations = before
})

test('a must-visit raised by mistake is taken back with a reason, after asking', async () => {
  const page = phone.open('pages/household/household', { id: id(1) })
  await page.says('还有 3 天')
  const [raised] = obligations
  phone.routes[`POST /must-visits/${raised.id}/withdraw`] = () => {
    obligations = []
    return [200, { ...raised, state: 'withdrawn' }]
  }
  await page.tap('撤回')
  await until(() => phone.did.some((done) => done.includes('撤回后不再要求上门')))
  phone.answers = [true]
  await page.tap('撤回')
  await page.says('眼下没有必访')
  expect(phone.sent(`/must-visits/${raised.id}/withdraw`).map(({ body }) => body)).toEqual([{ reason: 'mistake' }])
})

test('a wrong visit is voided with a reason, after asking', async () => {
  const page = phone.open('pages/household/household', { id: id(1) })
  await page.tap('作废')
  await until(() => phone.did.some((done) => done.includes('作废后不再计入')))
  expect(phone.sent('/visits')).toEqual([])
  phone.routes[`POST /visits/${id(31)}/void`] = () => {
    told.state = 'voided'
    return [200, told]
  }
  phone.answers = [true]
  await page.tap('作废')
  await page.says('已作废，不计')
  expect(phone.sent('/visits').map(({ body }) => body)).toEqual([{ reason: 'wrong_day' }])
})

test('without network what is known stays, without its note', async () => {
  phone.connect(false)
  const page = phone.open('pages/household/household', { id: id(1) })
  await page.says('没有网络', '关爱慰问', '有网络时才能看')
  expect(page.text).not.toContain('想换灯泡')
})
