/** The calls for reads: each waits until the state is as fresh as its options want, or until its deadline. */
import type { ReadOptions } from '../contracts/node-service.ts'
import type { Instant, LogIndex } from '../core/types.ts'
import { freshnessOf } from '../platform/freshness.ts'
import type { Calls } from './calls/calls.ts'

export interface ReadCallsParts {
  readonly calls: Pick<Calls<unknown>, 'reads' | 'deadlines'>
  readonly appliedIndex: () => LogIndex
  /** Schedules a turn, which submits the read. */
  readonly wake: () => void
}

export class ReadCalls {
  readonly #parts: ReadCallsParts

  constructor(parts: ReadCallsParts) {
    this.#parts = parts
  }

  /** Calls `query` with the applied index of the state. `deadline` replaces `timeoutMs`, for one step of a longer call. */
  read<Value>(
    query: (appliedIndex: LogIndex) => Value,
    options: ReadOptions = {},
    deadline: Instant = this.#parts.calls.deadlines.deadlineFor(options),
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      const { calls, appliedIndex, wake } = this.#parts
      const { signal, awaitLeader: retryWithoutLeader = false } = options
      const answer = (): void => resolve(query(appliedIndex()))
      calls.reads.add({ ...freshnessOf(options), answer, retryWithoutLeader, deadline, signal, reject })
      wake()
    })
  }
}
