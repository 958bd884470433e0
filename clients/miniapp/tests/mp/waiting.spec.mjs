import { afterAll, expect, test } from 'vitest'
import { boot, household, id, problem, queued, signedIn, until } from './harness.mjs'

const [, refused] = problem(422, 'visits.companion', '同行人须是那一天本支部在岗的人，且不是走访人本人。')
const phone = boot({
  online: false,
  stored: {
    ...signedIn([household(1, { head_name: '王秀兰' })]),
    [`visit:${id(11)}`]: queued(11, { state: 'returned', tries: 1, tried_ms: Date.now() - 30_000, why: null, problem: refused }),
    [`visit:${id(12)}`]: queued(12, { tries: 2, tried_ms: Date.now() - 20_000, why: 'offline' }),
    [`visit:${id(13)}`]: queued(13, { owner: id(999) }),
    [`visit:${id(14)}`]: '{',
  },
})
afterAll(() => phone.close())

test('what waits says when it was noted, last tried and why; a returned one how to go on', async () => {
  const page = phone.open('pages/waiting/waiting')
  await page.says('1 条被退回，要改正，1 条待上传', '联网后自动上传', '王秀兰')
  await page.says('同行人须是那一天本支部在岗的人', '没有连上服务器', '试过上传')
  await page.says('别的同志 1 条登记没有上传', '有 1 条登记在这部手机上读不出来了')

  await page.tap('改正再交')
  expect(phone.did).toContain(`go /pages/visit/visit?correct=${id(11)}`)
})

test('nothing is deleted without asking, nor what may have arrived', async () => {
  const page = phone.open('pages/waiting/waiting')
  await page.tap('删除', 0)
  await until(() => phone.did.some((done) => done.includes('这条走访就没有记录了')))
  expect(phone.stored.has(`visit:${id(11)}`)).toBe(true)
  phone.answers = [true]
  await page.tap('删除', 0)
  await until(() => !phone.stored.has(`visit:${id(11)}`))
  await page.saysNoMore('被退回')
  phone.answers = [true]
  await page.tap('删除', 0)
  await until(() => phone.did.some((done) => done.includes('可能已经到了服务器')))
  expect(phone.stored.has(`visit:${id(12)}`)).toBe(true)
})
