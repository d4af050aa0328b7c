/** Keys that live for a few hundred calls and then make room for new ones: short histories can be judged exactly. */
import { CallHistory } from '../../src/linearizability/index.ts'
import type { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import type { Operation, Result } from './operations.ts'

/** Keys that are called at the same time. */
const KEYS = 5
const CALLS_MAX = 300
/** Calls of unknown outcome make judging expensive: a key with so many has lived enough. */
const UNKNOWN_MAX = 6

export interface RotatingKey {
  readonly name: string
  readonly history: CallHistory<Operation, Result>
  calls: number
  unknown: number
  /** Calls under way. */
  open: number
  /** What was last written or read, as far as anybody here knows: a compare-and-set that expects it has a chance. */
  guess: string | undefined
}

export class RotatingKeys {
  /** Every key there ever was. */
  readonly all: RotatingKey[] = []
  readonly #active: RotatingKey[]
  readonly #now: () => number
  readonly #onRetired: (key: RotatingKey) => void

  /** Says of each key when it is retired and its last call has been answered. */
  constructor(now: () => number, onRetired: (key: RotatingKey) => void) {
    this.#now = now
    this.#onRetired = onRetired
    this.#active = Array.from({ length: KEYS }, () => this.#newKey())
  }

  /** One that lives, for one call. */
  take(random: SeededRandom): RotatingKey {
    const offset = random.below(KEYS)
    const key = this.#active[offset] as RotatingKey
    key.calls++
    key.open++
    if (key.calls >= CALLS_MAX || key.unknown >= UNKNOWN_MAX) this.#active[offset] = this.#newKey()
    return key
  }

  /** The call has ended. */
  release(key: RotatingKey, isUnknown: boolean): void {
    key.open--
    if (isUnknown) key.unknown++
    if (key.open === 0 && !this.#active.includes(key)) this.#onRetired(key)
  }

  #newKey(): RotatingKey {
    const history = new CallHistory<Operation, Result>(this.#now)
    const key = { name: `key-${this.all.length + 1}`, history, calls: 0, unknown: 0, open: 0, guess: undefined }
    this.all.push(key)
    return key
  }
}
