/** Records the operations that clients call, when they call them, and how each call ends. */

/** How a call ended: with a result, certainly without effect, or with an unknown outcome. */
export type Answer<Result> =
  | { readonly type: 'ok'; readonly at: number; readonly result: Result }
  | { readonly type: 'rejected'; readonly at: number }
  | { readonly type: 'unknown'; readonly at: number }

/** One call of a history, as plain data that JSON can store. Times are numbers of any unit, from one clock. */
export interface RecordedCall<Operation, Result> {
  readonly client: string | number
  readonly operation: Operation
  readonly calledAt: number
  /** Undefined while the call is open. An open call is checked like one that ended as 'unknown'. */
  readonly answer: Answer<Result> | undefined
}

/** A call that has not ended. Exactly one of the three methods must be called, once. */
export interface OpenCall<Result> {
  ok(result: Result): void
  /** The operation had no effect and never will. */
  rejected(): void
  /** The operation may have taken effect, may still take effect, or may never do so. */
  unknown(): void
}

/** A history that grows as clients make calls. Pass it, or its `calls`, to `checkLinearizable`. */
export class CallHistory<Operation, Result> implements Iterable<RecordedCall<Operation, Result>> {
  readonly #calls: RecordedCall<Operation, Result>[] = []
  readonly #now: () => number

  /**
   * `now` must never go backwards. Two calls that touch at one instant count as concurrent, so a coarse clock makes the check
   * weaker but never wrong. By default, events are numbered in the order in which they are recorded.
   */
  constructor(now: () => number = eventCounter()) {
    this.#now = now
  }

  get calls(): readonly RecordedCall<Operation, Result>[] {
    return this.#calls
  }

  [Symbol.iterator](): Iterator<RecordedCall<Operation, Result>> {
    return this.#calls[Symbol.iterator]()
  }

  /** Records the start of a call. */
  call(client: string | number, operation: Operation): OpenCall<Result> {
    const position = this.#calls.length
    const open = { client, operation, calledAt: this.#now(), answer: undefined }
    this.#calls.push(open)
    const end = (answer: Answer<Result>): void => {
      if (this.#calls[position] !== open)
        throw new Error(`the call of client ${client} has already ended: end each call once`)
      this.#calls[position] = { ...open, answer }
    }
    return {
      ok: (result) => end({ type: 'ok', at: this.#now(), result }),
      rejected: () => end({ type: 'rejected', at: this.#now() }),
      unknown: () => end({ type: 'unknown', at: this.#now() }),
    }
  }

  /**
   * Makes a call and records how it ends. A rejection with `outcome: 'not-applied'`, which errors of quorate have, is recorded as
   * 'rejected', any other rejection as 'unknown'. Settles as the promise of `make` does.
   */
  async record(client: string | number, operation: Operation, make: () => Promise<Result>): Promise<Result> {
    const open = this.call(client, operation)
    try {
      const result = await make()
      open.ok(result)
      return result
    } catch (error) {
      if (isNotApplied(error)) open.rejected()
      else open.unknown()
      throw error
    }
  }
}

function isNotApplied(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'outcome' in error && error.outcome === 'not-applied'
}

function eventCounter(): () => number {
  let last = 0
  return () => ++last
}
