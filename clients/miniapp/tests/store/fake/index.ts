// A phone for the tests of the stores: storage of memory, a server that is a function, a network with a switch.

import type { Answer, Request } from '@core/api'
import { Unreachable } from '@core/problem'
import { mathRandom } from '@core/uuid'
import type { Platform } from '../../../src/platform/types'
import { Flash } from '../../../../core/tests/phone'

export const phone = {
  flash: new Flash(),
  online: true,
  isBrowser: false,
  requests: [] as Request[],
  serve: (_request: Request): Answer | Promise<Answer> => ({ status: 500, headers: {}, body: null }),
  network: (_online: boolean): void => undefined,
  loginCode: 'code',
}

export const platform: Platform = {
  get isStandIn() {
    return phone.isBrowser
  },
  store: {
    keys: () => phone.flash.keys(),
    get: (key) => phone.flash.get(key),
    set: (key, value) => phone.flash.set(key, value),
    remove: (key) => phone.flash.remove(key),
  },
  storeProblem: async () => null,
  transport: async (request) => {
    phone.requests.push(request)
    if (!phone.online) throw new Unreachable('off')
    return phone.serve(request)
  },
  loginCode: async (typed) => typed || phone.loginCode,
  isOnline: async () => phone.online,
  onNetwork: (listener) => {
    phone.network = (online) => {
      phone.online = online
      listener(online)
    }
  },
  typeScale: () => 1,
  randomBytes: mathRandom,
  nameInputs: () => undefined,
}
