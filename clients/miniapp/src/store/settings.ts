// Type size and elder view: the user's own type size is followed, and a switch under 我的 decides otherwise.

import { platform } from '@platform/index'
import { computed, reactive, readonly } from 'vue'
import { cache, read } from './ground'

export type ElderChoice = 'auto' | 'on' | 'off'

const KEY = 'settings'
/** From this type size on somebody needs it large. */
const LARGE = 1.3
/** The elder view is at least so large; beyond the most, words no longer fit a line. */
const ELDER_SCALE = 1.25
const MOST = 1.9

const state = reactive({ elder_choice: 'auto' as ElderChoice, system_scale: 1 })

const elder = computed(() =>
  state.elder_choice === 'auto' ? state.system_scale >= LARGE : state.elder_choice === 'on',
)
const scale = computed(() => {
  const least = elder.value ? ELDER_SCALE : 0.9
  return Math.min(MOST, Math.max(least, state.system_scale))
})

/** `elder`: whether the elder view is on; `scale`: by how much all type is larger than usual. */
export const settings = readonly(
  reactive({
    elder,
    scale,
    elder_choice: computed(() => state.elder_choice),
  }),
)

export async function loadSettings(): Promise<void> {
  followTypeSize()
  const kept = await read<{ elder_choice?: ElderChoice }>(KEY)
  if (kept && kept.elder_choice) state.elder_choice = kept.elder_choice
}

/** The type size may have been changed while the program was in the background. */
export function followTypeSize(): void {
  const found = platform.typeScale()
  if (found > 0) state.system_scale = found
}

export async function setElder(choice: ElderChoice): Promise<void> {
  state.elder_choice = choice
  await cache(KEY, { elder_choice: choice })
}
