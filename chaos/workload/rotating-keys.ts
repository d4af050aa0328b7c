/** Keys that are replaced after a few hundred calls, because only short histories can be checked exactly. */
import { CallHistory } from '../../src/linearizability/index.ts'
import type { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import type { Operation, Result } from './operations.ts'

/** The number of keys in use at a time. */
const KEYS = 5
const CALLS_MAX = 300
/** Calls of unknown outcome make the check expensive, so a key with this many is replaced. */
const UNKNOWN_MAX = 6

export interface RotatingKey {
  readonly name: string
  readonly history: CallHistory<Operation, Result>
  calls: number
  unknown: number
  /** Calls in progress. */
  open: number
  /** The value last written or read; a compare-and-set that expects it is likely to succeed. */
  likelyValue: string | undefined
}

export class RotatingKeys {
  /** All keys of the run, in order of creation. */
  readonly all: RotatingKey[] = []
  readonly #active: RotatingKey[]
  readonly #now: () => number
  readonly #onRetired: (key: RotatingKey) => void

  /** `onRetired` is called for each replaced key after its last call has ended. */
  constructor(now: () => number, onRetired: (key: RotatingKey) => void) {
    this.#now = now
    this.#onRetired = onRetired
    this.#active = Array.from({ length: KEYS }, () => this.#newKey())
  }

  /** A random key in use, for one call; `release` must follow. */
  take(random: SeededRandom): RotatingKey {
    const offset = random.below(KEYS)
    const key = this.#active[offset] as RotatingKey
    key.calls++
    key.open++
    if (key.calls >= CALLS_MAX || key.unknown >= UNKNOWN_MAX) this.#active[offset] = this.#newKey()
    return key
  }

  /** Ends a call to the key. */
  release(key: RotatingKey, isUnknown: boolean): void {
    key.open--
    if (isUnknown) key.unknown++
    if (key.open === 0 && !this.#active.includes(key)) this.#onRetired(key)
  }

  #newKey(): RotatingKey {
    const history = new CallHistory<Operation, Result>(this.#now)
    const key = { name: `key-${this.all.length + 1}`, history, calls: 0, unknown: 0, open: 0, likelyValue: undefined }
    this.all.push(key)
    return key
  }
}
