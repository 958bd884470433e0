import { afterAll, expect, test } from 'vitest'
import { boot, day, household, id, signedIn, simulate, sync, until } from './harness.mjs'

// A cold start without signal: all there is was kept on the phone.
const mine = [household(1, { head_name: '王秀兰' })]
const phone = boot({
  online: false,
  stored: signedIn(mine),
  routes: {
    'GET /sync': () => [200, sync({ households: mine })],
    'POST /visits': (visit) => [201, { ...visit, id: visit.client_id, state: 'recorded' }],
  },
})
afterAll(() => phone.close())

test('a visit is registered without signal from a cold start, kept encrypted, and sent once', async () => {
  const page = phone.open('pages/visit/visit', { id: id(1) })
  await page.says('王秀兰')
  await page.tap('提交走访登记')
  await page.says('请选怎么去的', '请选走访结果')
  expect(phone.kept('visit:')).toEqual([])

  await page.tap('入户')
  await page.tap('见到（联系上）')
  await page.tap('关爱慰问')
  await page.tap('一切如常')
  phone.full = true
  await page.tap('提交走访登记')
  await until(() => phone.did.some((done) => done.startsWith('ask 手机存储已满')))
  expect(phone.did).not.toContain('back')

  phone.full = false
  await Promise.all([page.tap('提交走访登记'), page.tap('提交走访登记')])
  await until(() => phone.did.includes('back'))
  await simulate.sleep(1000)
  expect(phone.did.filter((done) => done === 'back')).toHaveLength(1)
  expect(phone.did).toContain('say 已存在手机里，联网后自动上传')
  expect(phone.unencrypted).toEqual([])
  const [{ visit }, ...more] = phone.kept('visit:')
  expect(more).toEqual([])
  expect(visit).toMatchObject({ household_id: id(1), occurred_on: day(), mode: 'in_person', outcome: 'met', topics: ['nothing_new'] })

  phone.connect(true)
  await until(() => phone.kept('visit:')[0].state === 'sent')
  expect(phone.sent('/visits').map(({ body }) => body.client_id)).toEqual([visit.client_id])
})

test('a visit of long ago asks why it is registered only now; who was not met is not asked what about', async () => {
  const page = phone.open('pages/visit/visit', { id: id(1) })
  await page.tap('入户')
  await page.tap('未遇')
  await page.saysNoMore('聊了什么')
  await page.choose('更早', day(-8))
  await page.says('8 天前', '为什么现在才登记')
  await page.tap('提交走访登记')
  await page.says('请选一个补录原因')
  await page.tap('当时没有信号')
  await page.tap('提交走访登记')
  await until(() => phone.sent('/visits').length === 2)
  const [, late] = phone.sent('/visits')
  expect(late.body).toMatchObject({ occurred_on: day(-8), outcome: 'not_home', topics: [], backfill_reason: 'no_signal' })
})
