// The browser.

import type { Store } from '@core/store'
import { transport } from '../transport'
import type { Platform } from '../types'
import { canEncrypt, memory, store as lasting } from './store'

// The body scrolls, and a page without a field or a link must scroll by keyboard, too.
document.body.tabIndex = 0

const chosen: Promise<Store> = canEncrypt().then((can) => (can ? lasting : memory()))

// In a phone's package the files are there without signal; here a service worker keeps them. Relative to the page.
if (import.meta.env.PROD && 'serviceWorker' in navigator) void navigator.serviceWorker.register('offline.js').catch(() => undefined)

/** The reader's own type size: what the browser makes of `medium`, which no style sheet of ours changes. */
function typeScale(): number {
  const probe = document.createElement('div')
  probe.style.fontSize = 'medium'
  document.body.appendChild(probe)
  const size = parseFloat(getComputedStyle(probe).fontSize)
  probe.remove()
  return size / 16
}

export const platform: Platform = {
  isStandIn: true,
  store: {
    keys: async () => (await chosen).keys(),
    get: async (key) => (await chosen).get(key),
    set: async (key, value) => (await chosen).set(key, value),
    remove: async (key) => (await chosen).remove(key),
  },
  storeProblem: async () =>
    (await chosen) === lasting ? null : '这个浏览器不能加密保存（需要 https）。关掉页面后，没有上传的登记会丢失。',
  transport,
  loginCode: (typed) => Promise.resolve(typed.trim()),
  // Of the browser itself: what uni asks here knows the kind of the connection, but not that there is none.
  isOnline: async () => navigator.onLine,
  onNetwork: (listener) => {
    window.addEventListener('online', () => listener(true))
    window.addEventListener('offline', () => listener(false))
  },
  typeScale,
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  nameInputs: (root, name) => {
    if (!(root instanceof Element)) return
    root.querySelectorAll('input, textarea').forEach((input) => input.setAttribute('aria-label', name))
  },
}
