// WeChat.

import { Unreachable } from '@core/problem'
import { mathRandom } from '@core/uuid'
import { transport } from '../transport'
import type { Platform } from '../types'
import { canEncrypt, store } from './store'

interface BaseInfo {
  fontSizeScaleFactor?: number
  fontSizeSetting?: number
}
interface RandomOptions {
  length: number
  success(found: { randomValues: ArrayBuffer }): void
}
const wechat = uni as unknown as {
  getAppBaseInfo(): BaseInfo
  getRandomValues(options: RandomOptions): void
}

// WeChat gives chance only by callback, so some is fetched ahead; until it comes, the engine's own serves.
let chance: number[] = []
const MOST = 512
function fetchChance(): void {
  if (!uni.canIUse('getRandomValues')) return
  wechat.getRandomValues({
    length: MOST,
    success: ({ randomValues }) => {
      chance = Array.from(new Uint8Array(randomValues))
    },
  })
}
fetchChance()

/** The usual size of WeChat's type. */
const USUAL = 16

export const platform: Platform = {
  isStandIn: false,
  store,
  storeProblem: async () => (canEncrypt() ? null : '微信版本太旧，不能加密保存群众信息。请更新微信后再用。'),
  transport,
  loginCode: () =>
    new Promise((resolve, reject) => {
      uni.login({
        provider: 'weixin',
        success: ({ code }) => resolve(code),
        fail: (error) => reject(new Unreachable(error.errMsg || 'login failed')),
      })
    }),
  isOnline: () =>
    new Promise((resolve) => {
      // When the phone cannot tell, trying costs nothing.
      uni.getNetworkType({ success: (found) => resolve(found.networkType !== 'none'), fail: () => resolve(true) })
    }),
  onNetwork: (listener) => uni.onNetworkStatusChange((change) => listener(change.isConnected)),
  typeScale: () => {
    const info = wechat.getAppBaseInfo()
    return info.fontSizeScaleFactor || (info.fontSizeSetting || USUAL) / USUAL
  },
  randomBytes: (count) => {
    const bytes = chance.length >= count ? chance.splice(0, count) : mathRandom(count)
    if (chance.length < count) fetchChance()
    return bytes
  },
  nameInputs: () => undefined,
}
