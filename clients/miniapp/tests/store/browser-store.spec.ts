import 'fake-indexeddb/auto'
import { beforeEach, expect, test, vi } from 'vitest'
import type { Store } from '@core/store'

const NAME = '王秀兰'
let store: Store

const open = async () => {
  vi.resetModules()
  const module = await import('../../src/platform/h5/store')
  expect(await module.canEncrypt()).toBe(true)
  return module.store
}
const raw = (table: string): Promise<unknown[]> =>
  new Promise((resolve) => {
    const opening = indexedDB.open('lianhu')
    opening.onsuccess = () => {
      const all = opening.result.transaction(table).objectStore(table).getAll()
      all.onsuccess = () => {
        opening.result.close()
        resolve(all.result)
      }
    }
  })

beforeEach(async () => {
  store = await open()
  for (const key of await store.keys()) await store.remove(key)
})

test('what is stored is read again after a restart, and is nowhere in the clear', async () => {
  await store.set('copy', JSON.stringify({ head_name: NAME }))
  const [sealed] = (await raw('values')) as { data: ArrayBuffer }[]
  expect(Buffer.from(sealed.data).toString('utf8')).not.toContain(NAME)
  store = await open()
  expect(await store.get('copy')).toContain(NAME)
  expect(await store.keys()).toEqual(['copy'])
})

test('the key cannot be read out', async () => {
  await store.set('a', 'x')
  const [secret] = (await raw('keys')) as CryptoKey[]
  expect(secret.extractable).toBe(false)
  await expect(crypto.subtle.exportKey('raw', secret)).rejects.toThrow()
})

test('a value does not open under another name, and what is gone is null', async () => {
  await store.set('a', 'x')
  const [sealed] = await raw('values')
  await new Promise<void>((resolve) => {
    const opening = indexedDB.open('lianhu')
    opening.onsuccess = () => {
      const put = opening.result.transaction('values', 'readwrite').objectStore('values').put(sealed, 'b')
      put.onsuccess = () => {
        opening.result.close()
        resolve()
      }
    }
  })
  expect(await store.get('a')).toBe('x')
  expect(await store.get('b')).toBeNull()
  await store.remove('a')
  expect(await store.get('a')).toBeNull()
})
