/** Questions to the state machine: all of one turn share one confirmation by the core, then wait until enough is applied. */
import type { Clock, Timer } from '../contracts/clock.ts'
import type { Input } from '../core/inputs.ts'
import type { Instant, LogIndex } from '../core/types.ts'
import type { RaftError } from '../errors.ts'
import { onAbort } from './abort-ear.ts'
import { notBegun } from './refusals.ts'

/** How a read is confirmed; 'local' ones are not, they only wait for a whole state. */
export type Confirmation = 'quorum' | 'lease' | 'local'

/** One caller who waits. */
export interface Read {
  readonly query: () => unknown
  /** Asks again, as long as there is time, when nobody leads just now; else that is the answer. */
  readonly isPatient: boolean
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly resolve: (answer: never) => void
  readonly reject: (error: unknown) => void
}

interface Waiting extends Read {
  readonly confirmation: Confirmation
  /** Why it was not confirmed when it was last tried. */
  refusal: RaftError | undefined
  isSettled: boolean
  unlisten: (() => void) | undefined
}

/** Reads that share a confirmation. */
interface Group {
  readonly waiting: readonly Waiting[]
  /** Answered once this is applied; undefined until the core has said. */
  index: LogIndex | undefined
}

/** What the applier knows. */
export interface Applied {
  readonly appliedIndex: LogIndex
  /** The machine holds a whole state (it is not being restored). */
  readonly isReadable: boolean
}

export interface ReadsParts {
  readonly applied: Applied
  readonly clock: Clock
  /** There is something to gather. */
  readonly wake: () => void
}

/** How soon a patient read is tried again. */
const RETRY_MS = 50

export class Reads {
  readonly #parts: ReadsParts
  readonly #applied: Applied
  /** Refused for now, to be tried again when the timer rings. */
  #parked: Waiting[] = []
  #retry: Timer | undefined
  #gathering: Record<'quorum' | 'lease', Waiting[]> = { quorum: [], lease: [] }
  /** Asked of the core, by the number given to it. */
  readonly #asked = new Map<number, Group>()
  /** Confirmed, waiting to be applied. */
  #confirmed: Group[] = []
  #number = 0
  #count = 0

  constructor(parts: ReadsParts) {
    this.#parts = parts
    this.#applied = parts.applied
  }

  get count(): number {
    return this.#count
  }

  add(read: Read, confirmation: Confirmation): void {
    const waiting: Waiting = { ...read, confirmation, refusal: undefined, isSettled: false, unlisten: undefined }
    this.#count++
    if (confirmation !== 'local') this.#gathering[confirmation].push(waiting)
    else {
      const group = { waiting: [waiting], index: 0 }
      if (!this.#isReady(group)) this.#confirmed.push(group)
      else {
        this.#answer(group)
        return
      }
    }
    const { signal } = read
    if (signal === undefined) return
    const aborted = (): void =>
      this.#reject(waiting, notBegun('read', 'the caller gave up waiting', 'ERR_RAFT_ABORTED', signal.reason))
    waiting.unlisten = onAbort(signal, aborted)
  }

  /** All that have gathered become one read of the core (one for each way of confirming). */
  gather(post: (input: Input) => void): void {
    for (const mode of ['quorum', 'lease'] as const) {
      if (this.#gathering[mode].length === 0) continue
      const waiting = this.#gathering[mode].filter((one) => !one.isSettled)
      this.#gathering[mode] = []
      if (waiting.length === 0) continue
      const read = ++this.#number
      this.#asked.set(read, { waiting, index: undefined })
      post({ type: 'read', read, mode })
    }
  }

  /** The core: once applied up to `index`, they may be answered. */
  ready(read: number, index: LogIndex): void {
    const group = this.#asked.get(read)
    if (group === undefined) return
    this.#asked.delete(read)
    group.index = index
    if (this.#isReady(group)) this.#answer(group)
    else this.#confirmed.push(group)
  }

  /** The core cannot confirm it. `isPassing`: because nobody leads just now. */
  rejected(read: number, refusal: RaftError, isPassing: boolean): void {
    const group = this.#asked.get(read)
    this.#asked.delete(read)
    for (const waiting of group?.waiting ?? []) {
      if (waiting.isSettled) continue
      if (isPassing && waiting.isPatient) this.#park(waiting, refusal)
      else this.#reject(waiting, refusal)
    }
  }

  #park(waiting: Waiting, refusal: RaftError): void {
    const { clock, wake } = this.#parts
    waiting.refusal = refusal
    this.#parked.push(waiting)
    this.#retry ??= clock.wakeAt(clock.now() + RETRY_MS, () => {
      this.#retry = undefined
      for (const parked of this.#parked.splice(0))
        if (parked.confirmation !== 'local' && !parked.isSettled) this.#gathering[parked.confirmation].push(parked)
      wake()
    })
  }

  /** More was applied, or a snapshot restored. */
  applied(): void {
    if (this.#confirmed.length === 0) return
    const ready = this.#confirmed.filter((group) => this.#isReady(group))
    if (ready.length === 0) return
    this.#confirmed = this.#confirmed.filter((group) => !this.#isReady(group))
    for (const group of ready) this.#answer(group)
  }

  sweep(now: Instant): Instant {
    let next = Number.POSITIVE_INFINITY
    const look = (waiting: Waiting): void => {
      if (waiting.isSettled) return
      if (waiting.deadline > now) next = Math.min(next, waiting.deadline)
      else this.#reject(waiting, waiting.refusal ?? notBegun('read', this.#whyLate(), 'ERR_RAFT_TIMEOUT'))
    }
    for (const waiting of this.#all()) look(waiting)
    this.#confirmed = this.#confirmed.filter((group) => group.waiting.some((waiting) => !waiting.isSettled))
    return next
  }

  close(why: string, cause?: unknown): void {
    for (const waiting of this.#all()) this.#reject(waiting, notBegun('read', why, 'ERR_RAFT_CLOSED', cause))
    this.#retry?.cancel()
    this.#retry = undefined
    this.#parked = []
    this.#gathering = { quorum: [], lease: [] }
    this.#asked.clear()
    this.#confirmed = []
  }

  #all(): Waiting[] {
    const groups = [...this.#asked.values(), ...this.#confirmed].flatMap((group) => group.waiting)
    return [...this.#gathering.quorum, ...this.#gathering.lease, ...this.#parked, ...groups]
  }

  /** A reader that waits for this node to catch up is told how far it is behind. */
  #whyLate(): string {
    const { appliedIndex } = this.#applied
    const behind = Math.max(0, ...this.#confirmed.map(({ index }) => (index ?? 0) - appliedIndex))
    return behind > 0 ? `its time was up, with ${behind} entries still to be applied here` : 'its time was up'
  }

  #isReady(group: Group): boolean {
    return this.#applied.isReadable && group.index !== undefined && this.#applied.appliedIndex >= group.index
  }

  #answer(group: Group): void {
    for (const waiting of group.waiting) {
      if (waiting.isSettled) continue
      this.#settle(waiting)
      try {
        waiting.resolve(waiting.query() as never)
      } catch (error) {
        waiting.reject(error)
      }
    }
  }

  #reject(waiting: Waiting, error: unknown): void {
    if (waiting.isSettled) return
    this.#settle(waiting)
    waiting.reject(error)
  }

  #settle(waiting: Waiting): void {
    waiting.isSettled = true
    waiting.unlisten?.()
    this.#count--
  }
}
