/** What somebody typed, when they pause: a name is looked for then, and not at every key. */
import { onScopeDispose, ref, watch, type Ref } from 'vue'

const PAUSE = 300

export function useTyped(text: () => string): Readonly<Ref<string>> {
  const typed = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(text, (now) => {
    clearTimeout(timer)
    timer = setTimeout(() => (typed.value = now.trim()), PAUSE)
  })
  onScopeDispose(() => clearTimeout(timer))
  return typed
}
