/** Loading an answer for a view: which one is wanted may change, and the last asked for wins. */
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import { Failure } from './client'

/** A mistake of ours must not leave the reader before a page that never comes. */
function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error
  reportError(error)
  return new Failure(0, 'page', '页面出了一点问题，请刷新后再试；一直不行请告诉管理员。', '没有读出来')
}

export interface Loaded<T> {
  data: Readonly<ShallowRef<T | null>>
  failure: Readonly<ShallowRef<Failure | null>>
  loading: Readonly<ShallowRef<boolean>>
  reload: () => Promise<void>
}

/**
 * Load whenever `key` changes; null: nothing is wanted. Of an earlier key nothing stays on the page, while a reload of
 * the same key keeps what is there until the new answer comes. A server that asks to wait is asked again.
 */
export function useLoad<Key, T>(
  key: () => Key | null,
  fetcher: (key: Key, signal: AbortSignal) => Promise<T>,
): Loaded<T> {
  const data = shallowRef<T | null>(null)
  const failure = shallowRef<Failure | null>(null)
  const loading = shallowRef(false)
  let running: AbortController | undefined
  let again: ReturnType<typeof setTimeout> | undefined

  async function load(): Promise<void> {
    stop()
    const wanted = key()
    failure.value = null
    if (wanted === null) {
      loading.value = false
      return
    }
    const mine = (running = new AbortController())
    loading.value = true
    try {
      const answer = await fetcher(wanted, mine.signal)
      if (mine.signal.aborted) return
      data.value = answer
    } catch (error) {
      if (mine.signal.aborted) return
      failure.value = failureOf(error)
      const { status, retryAfter } = failure.value
      if (status === 503 && retryAfter) again = setTimeout(load, retryAfter * 1000)
    }
    loading.value = false
  }

  function stop(): void {
    running?.abort()
    clearTimeout(again)
  }

  watch(
    () => JSON.stringify(key()),
    () => {
      data.value = null
      void load()
    },
    { immediate: true },
  )
  onScopeDispose(stop)
  return { data, failure, loading, reload: load }
}

interface Page {
  items: unknown[]
  next: string | null
}

export interface LoadedList<Head extends Page> extends Omit<Loaded<Head>, 'data'> {
  items: Readonly<ShallowRef<Head['items'][number][]>>
  /** The first page: what stands beside the items. */
  head: Readonly<ShallowRef<Head | null>>
  hasMore: () => boolean
  more: () => Promise<void>
}

/** The same for a list that comes in pages. */
export function useList<Key, Head extends Page>(
  key: () => Key | null,
  fetcher: (key: Key, cursor: string | null, signal?: AbortSignal) => Promise<Head>,
): LoadedList<Head> {
  const items = shallowRef<Head['items'][number][]>([])
  const next = shallowRef<string | null>(null)
  const first = useLoad(key, async (wanted, signal) => {
    const page = await fetcher(wanted, null, signal)
    items.value = page.items
    next.value = page.next
    return page
  })
  const { failure, loading } = first as { failure: ShallowRef<Failure | null>; loading: ShallowRef<boolean> }

  async function more(): Promise<void> {
    const wanted = key()
    const asked = JSON.stringify(wanted)
    if (wanted === null || next.value === null || loading.value) return
    loading.value = true
    failure.value = null
    try {
      const page = await fetcher(wanted, next.value)
      if (JSON.stringify(key()) !== asked) return
      items.value = [...items.value, ...page.items]
      next.value = page.next
    } catch (error) {
      failure.value = failureOf(error)
    } finally {
      loading.value = false
    }
  }

  return { items, head: first.data, failure, loading, reload: first.reload, hasMore: () => next.value !== null, more }
}
