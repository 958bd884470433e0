// What the stores stand on: one of each thing of the core, made of what the platform gives.

import { Api } from '@core/api'
import { Clock } from '@core/clock'
import { VisitQueue } from '@core/queue'
import { inOrder, readJson } from '@core/store'
import { Synchroniser } from '@core/sync'
import { platform } from '@platform/index'
import { reactive, readonly } from 'vue'

export const store = inOrder(platform.store)

const device = (): number => Date.now()
export const clock = new Clock(store, device)

const net = reactive({ online: true })
export const network = readonly(net)
/** How often the phone has said something about its network. */
let told = 0

/** Follow the network; `listener` hears when there is one (again, or another one). */
export async function followNetwork(listener: () => void): Promise<void> {
  platform.onNetwork((online) => {
    told++
    net.online = online
    if (online) listener()
  })
  net.online = await platform.isOnline()
}

/** Set by the session: the token to send, and what to do when the server does not know it. */
export const bearer = { token: null as string | null, ended: (_token: string): void => undefined }
export const api = new Api(
  async (request) => {
    const before = told
    const answer = await platform.transport(request)
    // An answer is better evidence than what the phone said before it was asked for; what it said since is newer.
    if (told === before) net.online = true
    return answer
  },
  () => bearer.token,
  (token) => bearer.ended(token),
)

/** Set by the queue's own store. */
export const onQueue = { changed: (): void => undefined }
export const visitQueue = new VisitQueue(
  store,
  (path, body) => api.send('POST', path, body),
  () => clock.now(),
  () => onQueue.changed(),
)
export const synchroniser = new Synchroniser(store, api, clock, device)

export const today = (): string => clock.today()

/** What a key holds. */
export const read = <T>(key: string): Promise<T | null> => readJson<T>(store, key)

/** Keep what can be fetched again; that it was not kept is no reason to stop. */
export const cache = (key: string, value: unknown): Promise<void> =>
  store.set(key, JSON.stringify(value)).catch(() => undefined)
