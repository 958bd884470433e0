/** Following work that the server does in its own time: imports, prints, exports. */
import { onScopeDispose, watch } from 'vue'
import { isOver } from '../pure/runs'
import { get, type Failure } from './client'
import { useLoad, type Loaded } from './load'
import type { Run } from './types'

const SOON = 1000
/** The server is away: the work goes on without us, so there is no haste. */
const LATER = 4000

/** A run by its id, looked at until it is over. */
export function useRun(id: () => string | null): Loaded<Run> {
  const loaded = useLoad(id, (run_id, signal) => get('/api/v1/runs/{run_id}', {}, { path: { run_id }, signal }))
  let timer: ReturnType<typeof setTimeout> | undefined
  watch([loaded.data, loaded.failure], ([run, failure]) => {
    clearTimeout(timer)
    if (failure ? mayPass(failure) : run && !isOver(run)) timer = setTimeout(loaded.reload, failure ? LATER : SOON)
  })
  onScopeDispose(() => clearTimeout(timer))
  return loaded
}

const mayPass = ({ status }: Failure): boolean => status === 0 || status >= 500
