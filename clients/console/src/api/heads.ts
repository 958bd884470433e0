/** Finding households by the head's whole name or its pinyin: lists show heads masked, so the server looks. */
import { computed, type ComputedRef } from 'vue'
import { asksName } from '../pure/households'
import { post } from './client'
import { useLoad } from './load'
import { useTyped } from './typed'

/** As many as a search gives. */
const FOUND = 200

export interface Heads {
  /** The ids of those it may be; null when the server could not tell. */
  found: ComputedRef<ReadonlySet<string> | null>
  looking: ComputedRef<boolean>
  /** There may be more than were found. */
  many: ComputedRef<boolean>
}

export function useHeads(text: () => string): Heads {
  const typed = useTyped(text)
  const answer = useLoad(
    () => (asksName(typed.value) ? typed.value : null),
    async (search) => new Set((await post('/api/v1/households/search', { search, limit: FOUND })).items.map((one) => one.id)),
  )
  const current = computed(() => typed.value === text().trim())
  return {
    found: computed(() => (current.value && answer.failure.value ? null : current.value && answer.data.value ? answer.data.value : new Set<string>())),
    many: computed(() => current.value && answer.data.value?.size === FOUND),
    looking: computed(() => asksName(text()) && (!current.value || answer.loading.value)),
  }
}
