/** What clients asked and were told, and when: written down as it happens, and plain data afterwards. */
import { isRaftError } from '../errors.ts'

/** How a call ended: with a result, surely without effect, or without anybody knowing. */
export type Answer<Result> =
  | { readonly type: 'ok'; readonly at: number; readonly result: Result }
  | { readonly type: 'rejected'; readonly at: number }
  | { readonly type: 'unknown'; readonly at: number }

/** Plain data: a history can be kept as JSON. */
export interface RecordedCall<Operation, Result> {
  readonly client: string | number
  readonly operation: Operation
  readonly calledAt: number
  /** None while the call is open, which is judged as 'unknown'. */
  readonly answer: Answer<Result> | undefined
}

/** To be ended once, in one of three ways. */
export interface OpenCall<Result> {
  ok(result: Result): void
  /** It surely had no effect, and never will. */
  rejected(): void
  /** It may have had an effect, may have one later, or never. */
  unknown(): void
}

export class CallHistory<Operation, Result> implements Iterable<RecordedCall<Operation, Result>> {
  readonly #calls: RecordedCall<Operation, Result>[] = []
  readonly #now: () => number

  /** `now` must never go back; calls that touch at one instant count as simultaneous. Unless given, events are numbered. */
  constructor(now: () => number = eventCounter()) {
    this.#now = now
  }

  get calls(): readonly RecordedCall<Operation, Result>[] {
    return this.#calls
  }

  [Symbol.iterator](): Iterator<RecordedCall<Operation, Result>> {
    return this.#calls[Symbol.iterator]()
  }

  /** Begins a call. */
  call(client: string | number, operation: Operation): OpenCall<Result> {
    const place = this.#calls.length
    const open = { client, operation, calledAt: this.#now(), answer: undefined }
    this.#calls.push(open)
    const end = (answer: Answer<Result>): void => {
      if (this.#calls[place] !== open)
        throw new Error(`the call of client ${client} was answered before; answer it once`)
      this.#calls[place] = { ...open, answer }
    }
    return {
      ok: (result) => end({ type: 'ok', at: this.#now(), result }),
      rejected: () => end({ type: 'rejected', at: this.#now() }),
      unknown: () => end({ type: 'unknown', at: this.#now() }),
    }
  }

  /** Makes a call and writes down how it ended; an error that does not say that nothing was done leaves it unknown. */
  async record(client: string | number, operation: Operation, make: () => Promise<Result>): Promise<Result> {
    const open = this.call(client, operation)
    try {
      const result = await make()
      open.ok(result)
      return result
    } catch (error) {
      if (isRaftError(error) && error.outcome === 'not-applied') open.rejected()
      else open.unknown()
      throw error
    }
  }
}

function eventCounter(): () => number {
  let last = 0
  return () => ++last
}
