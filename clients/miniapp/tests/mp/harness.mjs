// Runs one COMPILED page of the mini-program in jsdom with miniprogram-simulate: the code that WeChat would run, on a
// phone and a server made of memory. One page a test file, because what wcc makes is global.

import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { vi } from 'vitest'

// Longer than `until` waits, so that a failure says what was missing.
vi.setConfig({ testTimeout: 30_000 })

const require = createRequire(import.meta.url)
export const simulate = require('miniprogram-simulate')
// The machinery of WeChat's components, of which the simulator is made.
const exparser = createRequire(require.resolve('miniprogram-simulate'))('miniprogram-exparser')

const BUILT = path.resolve(import.meta.dirname, '../../dist/build/mp-weixin')
const ok = (name, more = {}) => ({ errMsg: `${name}:ok`, ...more })
const fail = (name, why) => ({ errMsg: `${name}:fail ${why}` })
const later = (call) => void setTimeout(call, 1)

/** China's day, so many days from today. */
export const day = (days = 0) => new Date(Date.now() + 8 * 3600_000 + days * 86400_000).toISOString().slice(0, 10)
export const id = (number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

const codes = (table) => Object.entries(table).map(([code, name]) => ({ code, name }))
export const ME = { account_id: id(900), person_id: id(901), name: '李建国', branch: { id: id(902), name: '石桥村党支部' }, roles: [], verbs: [] }
export const CODES = {
  modes: codes({ in_person: '入户', remote: '电话或网络', gathering: '集中（院坝会等）' }),
  outcomes: codes({ met: '见到（联系上）', not_home: '未遇', declined: '婉拒' }),
  topics: codes({ nothing_new: '一切如常', care: '关爱慰问', safety: '安全隐患' }),
  backfill_reasons: codes({ no_signal: '当时没有信号' }),
  void_reasons: codes({ wrong_day: '日期错了' }),
  withdraw_reasons: codes({ mistake: '登记有误' }),
  must_visit_kinds: codes({ illness: '生病住院', return: '外出返乡' }),
  note_hint: '写需要什么帮助。',
}
export const household = (number, more = {}) => ({
  id: id(number), version: 1, head_name: `户主${number}`, group: '一组', micro_grid: { id: id(800), name: '石桥网格' }, role: 'primary',
  tier: 'ordinary', residence: 'resident', state: 'due_soon', due_on: day(5), due_kind: 'ordinary', last_contact_on: day(-85), ...more,
})
export const sync = (more = {}) => ({
  households: [], revoked: [], obligations: [], colleagues: [], server_time: new Date().toISOString(), cursor: 'c', full: true, more: false, ...more,
})
/** What the server refuses with, as `[status, body]`. */
export const problem = (status, code, detail) => [status, { type: `urn:lianhu:problem:${code}`, title: '', status, code, detail, errors: {}, request_id: 'r' }]

/** A visit as the queue keeps it: under `visit:<client id>`. */
export const queued = (number, more = {}) => ({
  visit: {
    client_id: id(number), household_id: id(1), occurred_on: day(), noted_at: `${day()}T00:00:00+08:00`, mode: 'in_person', outcome: 'met',
    topics: [], note: null, companion_ids: [], backfill_reason: null, needs_follow_up: false,
  },
  owner: ME.person_id, state: 'waiting', noted_ms: Date.now() - 60_000, tries: 0, tried_ms: null, why: 'new', retry_ms: null, problem: null, sent_ms: null, voided: false, ...more,
})

/** What the storage of a phone holds on which somebody signed in before and these households were synchronised. */
export const signedIn = (households = []) => ({
  privacy: true,
  session: { token: 't', expires_ms: Date.now() + 86400_000, me: ME, ended_ms: null },
  copy: { owner: ME.person_id, households, must_visits: [], colleagues: [], taken: [], cursor: 'c', synced_ms: Date.now() - 3600_000 },
  codes: { codes: CODES, fetched_ms: Date.now() },
})

/** A phone. `stored`: what its storage holds. `routes`: what the server answers, by `GET /sync`: `[status, body]`, or a
 * function of the body that gives it. `scale`: the user's type size, 1 being the usual. */
export function boot({ stored = signedIn(), routes = {}, online = true, scale = 1 } = {}) {
  const out = fs.mkdtempSync(path.resolve(BUILT, '../sim-'))
  fs.cpSync(BUILT, out, { recursive: true })
  // The simulator renders components, so every page is told to be one.
  for (const page of JSON.parse(fs.readFileSync(`${out}/app.json`, 'utf8')).pages) {
    const file = `${out}/${page}.json`
    fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(fs.readFileSync(file, 'utf8')), component: true }))
  }
  const phone = {
    online,
    full: false,
    stored: new Map(Object.entries(stored).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)])),
    /** Keys that were read or written without WeChat's encryption. */
    unencrypted: [],
    requests: [],
    /** What the pages asked WeChat to do: where to go, what to say and to ask. */
    did: [],
    /** What is answered to the next questions; no, when there is nothing. */
    answers: [],
    routes: { 'GET /codes': [200, CODES], 'GET /me': [200, ME], 'GET /sync': () => [200, sync()], ...routes },
  }
  let heard = () => {}
  const keep = (options, then) =>
    later(() => {
      if (!options.encrypt) phone.unencrypted.push(options.key)
      then()
    })
  Object.assign(wx, {
    request: (options) => {
      later(() => {
        if (!phone.online) return options.fail(fail('request', 'offline'))
        const request = { method: options.method, path: options.url.replace(/^https?:\/\/[^/]+/, '').replace('/api/v1', ''), body: options.data }
        phone.requests.push(request)
        const route = phone.routes[`${request.method} ${request.path.split('?')[0]}`] || problem(404, 'request.not_found', '没有这个地址')
        const [statusCode, data] = typeof route === 'function' ? route(request.body) : route
        options.success(ok('request', { statusCode, header: {}, data }))
      })
      return { abort() {} }
    },
    getStorageInfo: (options) => later(() => options.success(ok('getStorageInfo', { keys: [...phone.stored.keys()] }))),
    getStorage: (options) =>
      keep(options, () =>
        phone.stored.has(options.key)
          ? options.success(ok('getStorage', { data: phone.stored.get(options.key) }))
          : options.fail(fail('getStorage', 'data not found')),
      ),
    setStorage: (options) =>
      keep(options, () => {
        if (phone.full) return options.fail(fail('setStorage', 'exceed storage max size 10Mb'))
        phone.stored.set(options.key, options.data)
        options.success(ok('setStorage'))
      }),
    removeStorage: (options) =>
      later(() => {
        phone.stored.delete(options.key)
        options.success(ok('removeStorage'))
      }),
    login: (options) => later(() => options.success(ok('login', { code: 'wx-code' }))),
    getNetworkType: (options) => later(() => options.success(ok('getNetworkType', { networkType: phone.online ? '4g' : 'none' }))),
    onNetworkStatusChange: (listener) => {
      heard = listener
    },
    canIUse: () => true,
    getRandomValues: (options) => later(() => options.success(ok('getRandomValues', { randomValues: crypto.getRandomValues(new Uint8Array(options.length)).buffer }))),
    getAppBaseInfo: () => ({ fontSizeSetting: 16 * scale, fontSizeScaleFactor: scale, language: 'zh_CN', SDKVersion: '3.0.0' }),
    getLaunchOptionsSync: () => ({}),
    getEnterOptionsSync: () => ({}),
    navigateBack: () => phone.did.push('back'),
    showToast: (options) => phone.did.push(`say ${options.title}`),
    showModal: (options) =>
      later(() => {
        phone.did.push(`ask ${options.content}`)
        const confirm = phone.answers.shift() || false
        options.success?.(ok('showModal', { confirm, cancel: !confirm }))
        options.complete?.(ok('showModal', { confirm, cancel: !confirm }))
      }),
    showActionSheet: (options) =>
      later(() => {
        phone.did.push(`offer ${options.itemList.join('、')}`)
        options.success(ok('showActionSheet', { tapIndex: 0 }))
      }),
  })
  for (const name of ['navigateTo', 'redirectTo', 'reLaunch', 'switchTab']) wx[name] = (options) => phone.did.push(`go ${options.url}`)
  for (const name of ['onAppShow', 'onAppHide', 'onError', 'onUnhandledRejection', 'onPageNotFound', 'onThemeChange', 'stopPullDownRefresh', 'setNavigationBarTitle', 'pageScrollTo'])
    wx[name] = () => {}
  Object.assign(globalThis, {
    App: (options) => {
      globalThis.__app = options
    },
    getApp: () => globalThis.__app,
    getCurrentPages: () => [{}, {}],
    Page: (options) => Component(options),
  })
  require(`${out}/app.js`)
  globalThis.__app?.onLaunch?.({})

  /** The page as WeChat opens it. */
  phone.open = (page, query = {}) => {
    const component = simulate.render(simulate.load(`${out}/${page}`))
    component.attach(document.createElement('div'))
    component.instance.onLoad?.(query)
    component.instance.onShow?.()
    return new Shown(component)
  }
  /** The network comes or goes. */
  phone.connect = (isConnected) => {
    phone.online = isConnected
    heard({ isConnected, networkType: isConnected ? '4g' : 'none' })
  }
  phone.sent = (start) => phone.requests.filter(({ method, path: to }) => method === 'POST' && to.startsWith(start))
  phone.kept = (start) => [...phone.stored].filter(([key]) => key.startsWith(start)).map(([, value]) => JSON.parse(value))
  phone.holds = (words) => [...phone.stored.values()].join().includes(words)
  phone.close = () => fs.rmSync(out, { recursive: true, force: true })
  return phone
}

/** Wait until something holds. */
export async function until(check, what = String(check)) {
  for (let i = 0; i < 250; i++) {
    if (check()) return
    await simulate.sleep(20)
  }
  throw new Error(`not within 5 s: ${what}`)
}

/** A page as somebody sees it. */
class Shown {
  constructor({ dom, instance }) {
    this.dom = dom
    this.page = instance
  }
  get text() {
    return this.dom.textContent.replace(/\s+/g, ' ')
  }
  /** Wait until the page says this. */
  async says(...sentences) {
    for (const words of sentences)
      await until(() => this.text.includes(words), `“${words}”`).catch((error) => {
        throw new Error(`${error.message} in: ${this.text}`)
      })
  }
  async saysNoMore(words) {
    await until(() => !this.text.includes(words), `no “${words}” any more in: ${this.text}`)
  }
  /** The innermost element that says just this; of several, the one with this index. */
  async find(words, index = 0) {
    const says = (one) => one.textContent.replace(/\s+/g, ' ').trim() === words
    const found = () => [...this.dom.querySelectorAll('*')].filter((one) => says(one) && ![...one.children].some(says))
    await until(() => found()[index], `something that says just “${words}” in: ${this.text}`)
    return found()[index]
  }
  async tap(words, index = 0) {
    fire(await this.find(words, index), 'tap')
    await simulate.sleep(30)
  }
  async type(value) {
    fire(this.dom.querySelector('wx-input'), 'input', { value })
    await simulate.sleep(30)
  }
  /** The same in the field of several lines. */
  async write(value) {
    await until(() => this.dom.querySelector('wx-textarea'))
    fire(this.dom.querySelector('wx-textarea'), 'input', { value })
    await simulate.sleep(30)
  }
  /** Choose something in the picker that opens with these words. */
  async choose(words, value) {
    fire(await this.find(words), 'change', { value })
    await simulate.sleep(30)
  }
}

/** An event as WeChat sends it: from an element up through all components. */
function fire(element, name, detail = {}) {
  let from = element
  while (!from.__wxElement) from = from.parentElement
  exparser.Event.dispatchEvent(from.__wxElement, exparser.Event.create(name, detail, { bubbles: true, composed: true, capturePhase: true }))
}
