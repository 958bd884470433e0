// What WeChat and the browser do differently. Both folders beside this file give one `platform`; the build takes one.

import type { Transport } from '@core/api'
import type { Store } from '@core/store'
import type { RandomBytes } from '@core/uuid'

export interface Platform {
  /** The H5: a stand-in for the phone, for tests and demonstrations. */
  isStandIn: boolean
  /** Encrypted; holds personal data. */
  store: Store
  /** Null when what is stored outlives the program, encrypted; otherwise a sentence about why not. */
  storeProblem(): Promise<string | null>
  transport: Transport
  /** A login code of WeChat, or what was typed in its place. Throws Unreachable. */
  loginCode(typed: string): Promise<string>
  isOnline(): Promise<boolean>
  onNetwork(listener: (online: boolean) => void): void
  /** The user's own type size, 1 being the usual one. */
  typeScale(): number
  randomBytes: RandomBytes
  /** Give the input elements below an element a name for screen readers, where uni's own attribute does not reach. */
  nameInputs(root: unknown, name: string): void
}
