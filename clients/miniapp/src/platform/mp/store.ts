// WeChat's storage with its own encryption (AES-128, keys kept by WeChat); only the asynchronous calls encrypt.

import { StorageFailed, type Store } from '@core/store'

interface Options {
  key: string
  data?: string
  encrypt: true
  success(found: { data: unknown }): void
  fail(error: { errMsg?: string }): void
}
// The types of uni leave out `encrypt`, which passes through to WeChat.
const wechat = uni as unknown as Record<'getStorage' | 'setStorage', (options: Options) => void>

const FULL = /exceed|max|limit|quota|full/i

export const canEncrypt = (): boolean => uni.canIUse('setStorage.object.encrypt')

export const store: Store = {
  keys: () =>
    new Promise((resolve, reject) => {
      uni.getStorageInfo({ success: (info) => resolve(info.keys), fail: () => reject(new StorageFailed(false)) })
    }),
  get: (key) =>
    new Promise((resolve) => {
      wechat.getStorage({
        key,
        encrypt: true,
        success: ({ data }) => resolve(typeof data === 'string' ? data : null),
        fail: () => resolve(null),
      })
    }),
  set: (key, data) =>
    new Promise((resolve, reject) => {
      wechat.setStorage({
        key,
        data,
        encrypt: true,
        success: () => resolve(),
        fail: (error) => reject(new StorageFailed(FULL.test(error.errMsg || ''))),
      })
    }),
  remove: (key) =>
    new Promise((resolve, reject) => {
      uni.removeStorage({ key, success: () => resolve(), fail: () => reject(new StorageFailed(false)) })
    }),
}
