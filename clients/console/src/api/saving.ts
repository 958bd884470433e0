/** Sending what somebody filled in: once at a time, and what was wrong stands where it belongs. */
import { uuid4 } from '@core/uuid'
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { Failure } from './client'

/** The code of what stands at a field alone. */
const ASIDE = 'form'

export interface Saving {
  busy: Readonly<Ref<boolean>>
  /** What the server refused, in its sentence. */
  failure: Readonly<ShallowRef<Failure | null>>
  /** What is wrong, by field of the wire. */
  errors: Readonly<Ref<Record<string, string>>>
  /** As a form is when it opens. */
  clear: () => void
  /** Of what is wrong, forget all but these fields. */
  keep: (fields: string[]) => void
  /** What sending found out about a field, so that it did not go on. */
  fail: (field: string, sentence: string) => never
  /** Send, unless something is under way or `lacking`; whether it went through. */
  save: (send: () => Promise<unknown>, lacking?: Record<string, string>) => Promise<boolean>
}

export function useSaving(): Saving {
  const busy = ref(false)
  const failure = shallowRef<Failure | null>(null)
  const errors = ref<Record<string, string>>({})

  function clear(): void {
    failure.value = null
    errors.value = {}
  }

  function keep(fields: string[]): void {
    const left = Object.entries(errors.value).filter(([field]) => fields.includes(field))
    if (left.length < Object.keys(errors.value).length) errors.value = Object.fromEntries(left)
  }

  function fail(field: string, sentence: string): never {
    throw new Failure(0, ASIDE, sentence, undefined, { [field]: [sentence] })
  }

  async function save(send: () => Promise<unknown>, lacking: Record<string, string> = {}): Promise<boolean> {
    if (busy.value) return false
    failure.value = null
    errors.value = lacking
    if (Object.keys(lacking).length) return false
    busy.value = true
    try {
      await send()
      return true
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      failure.value = error.code === ASIDE ? null : error
      errors.value = byField(error)
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, failure, errors, clear, keep, fail, save }
}

/** An id for a form from its opening to its sending: sent twice, it is still one thing. */
export function newId(): string {
  return uuid4((number) => crypto.getRandomValues(new Uint8Array(number)))
}

/** The server's sentences by field; those of an item of a list stand at the list. */
function byField({ errors }: Failure): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).map(([name, told]) => [name.split('.')[0], told.join('；')]))
}
