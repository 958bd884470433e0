// The browser's storage: AES-GCM under a key that no script can read out, both in IndexedDB.

import { StorageFailed, type Store } from '@core/store'

const NAME = 'lianhu'
const KEYS = 'keys'
const VALUES = 'values'
const IV_BYTES = 12

interface Sealed {
  iv: Uint8Array
  data: ArrayBuffer
}

const asked = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1)
  request.onupgradeneeded = () => {
    request.result.createObjectStore(KEYS)
    request.result.createObjectStore(VALUES)
  }
  return asked(request)
}

let opened: Promise<IDBDatabase> | null = null
const database = (): Promise<IDBDatabase> => (opened = opened || open())

/** One statement, done when it is on the disk as far as the browser says. */
async function within<T>(name: string, mode: IDBTransactionMode, ask: (table: IDBObjectStore) => IDBRequest<T>) {
  const transaction = (await database()).transaction(name, mode)
  const done = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = transaction.onerror = () => reject(transaction.error)
  })
  const [result] = await Promise.all([asked(ask(transaction.objectStore(name))), done])
  return result
}

let made: Promise<CryptoKey> | null = null
const secret = (): Promise<CryptoKey> => (made = made || findSecret())

async function findSecret(): Promise<CryptoKey> {
  const known = await within<CryptoKey | undefined>(KEYS, 'readonly', (table) => table.get('aes'))
  if (known) return known
  const fresh = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
  try {
    await within(KEYS, 'readwrite', (table) => table.add(fresh, 'aes'))
    return fresh
  } catch {
    // Another tab was first.
    return within<CryptoKey>(KEYS, 'readonly', (table) => table.get('aes'))
  }
}

// A value is bound to its key: moved under another one it does not open.
const how = (key: string, iv: Uint8Array) => ({ name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(key) })

export const canEncrypt = async (): Promise<boolean> => {
  try {
    return typeof crypto.subtle === 'object' && (await secret()) !== null
  } catch {
    return false
  }
}

export const store: Store = {
  keys: async () => (await within(VALUES, 'readonly', (table) => table.getAllKeys())).map(String),
  async get(key) {
    const sealed = await within<Sealed | undefined>(VALUES, 'readonly', (table) => table.get(key))
    if (!sealed) return null
    try {
      return new TextDecoder().decode(await crypto.subtle.decrypt(how(key, sealed.iv), await secret(), sealed.data))
    } catch {
      return null
    }
  },
  async set(key, value) {
    try {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const data = await crypto.subtle.encrypt(how(key, iv), await secret(), new TextEncoder().encode(value))
      await within(VALUES, 'readwrite', (table) => table.put({ iv, data }, key))
    } catch (error) {
      throw new StorageFailed((error as DOMException | null)?.name === 'QuotaExceededError')
    }
  },
  async remove(key) {
    await within(VALUES, 'readwrite', (table) => table.delete(key))
  },
}

/** Nothing outlives the page: for a browser that cannot encrypt, because personal data is not stored in the clear. */
export function memory(): Store {
  const values = new Map<string, string>()
  return {
    keys: async () => Array.from(values.keys()),
    get: async (key) => values.get(key) ?? null,
    set: async (key, value) => void values.set(key, value),
    remove: async (key) => void values.delete(key),
  }
}
