// What the core asks of the phone's storage. Each key is written at once or not at all; nothing is promised across keys.

export interface Store {
  keys(): Promise<string[]>
  get(key: string): Promise<string | null>
  /** Throws StorageFailed when the value was not kept. */
  set(key: string, value: string): Promise<void>
  remove(key: string): Promise<void>
}

/** The phone did not keep it. `full`: because there is no room. */
export class StorageFailed extends Error {
  readonly sentence: string
  constructor(readonly full: boolean) {
    const sentence = full
      ? '手机存储已满，这条没有存下。请删掉一些照片或清理微信缓存，再点一次登记；这一页先不要关。'
      : '手机没能存下这条。请再点一次登记；一直不行，请先记在纸上，交给支部书记代为登记。'
    super(sentence)
    this.sentence = sentence
  }
}

/** The same store with its calls one after the other: what was asked first is done first, also where writing takes time
 * (encrypting does), so that what was wiped does not come back by a write that was on its way. */
export function inOrder(store: Store): Store {
  let last: Promise<unknown> = Promise.resolve()
  const next = <T>(call: () => Promise<T>): Promise<T> => {
    const done = last.then(call)
    last = done.catch(() => undefined)
    return done
  }
  return {
    keys: () => next(() => store.keys()),
    get: (key) => next(() => store.get(key)),
    set: (key, value) => next(() => store.set(key, value)),
    remove: (key) => next(() => store.remove(key)),
  }
}

/** What a key holds, or null for nothing and for what cannot be read. */
export async function readJson<T>(store: Store, key: string): Promise<T | null> {
  const text = await store.get(key)
  if (text === null) return null
  try {
    return JSON.parse(text) as T
  } catch {
    return null
  }
}
