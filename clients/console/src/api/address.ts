/** A filter that lives in the address, so that a page can be reloaded, sent and printed as it is. */
import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export function useParam(name: string, fallback: string): WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()
  return computed({
    get: () => {
      const value = route.query[name]
      return typeof value === 'string' && value !== '' ? value : fallback
    },
    set: (value) => {
      void router.replace({ query: { ...route.query, [name]: value === fallback ? undefined : value } })
    },
  })
}
