/** For what the committee looks at households: said once a sitting, shown with every list, sent with every look. */
import { ref, watch } from 'vue'
import { looksForPurpose, session } from './session'

/** Rows of a list at a time. */
export const PAGE = 50

const KEY = 'lianhu.console.purpose'
export const purpose = ref(sessionStorage.getItem(KEY) ?? undefined)
watch(purpose, (said) => (said === undefined ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, said)))
// Whoever signs in next says it anew.
watch(
  () => session.token,
  (token) => {
    if (token === null) purpose.value = undefined
  },
)

/** Whether households may be asked for now. */
export function mayLook(): boolean {
  return !looksForPurpose.value || purpose.value !== undefined
}

/** What goes along with a look; only the committee has to say it. */
export function purposeSent(): string | undefined {
  return looksForPurpose.value ? purpose.value : undefined
}
