/** A call that may be sent to several nodes: the first success of any attempt counts, and a failure only once every attempt has ended. */
import type { ClientChannel } from '../contracts/client-channel.ts'
import type { CallOptions } from '../contracts/node-service.ts'
import type { RaftError } from '../errors.ts'
import { isRaftError } from '../errors.ts'
import { expiredUnused, unknownAfterAttempts } from './client-errors.ts'

/** One attempt: calls a method of a channel. */
export type Attempt<Value> = (
  channel: ClientChannel,
  options: CallOptions & { readonly timeoutMs: number },
) => Promise<Value>

export class RepeatableCall<Value> {
  readonly #action: Attempt<Value>
  /** The attempts without an answer. */
  readonly #open = new Set<Promise<Value>>()
  #isDone = false
  /** Whether an attempt has ended without a certain outcome. */
  #isUnknown = false

  constructor(action: Attempt<Value>) {
    this.#action = action
  }

  /** `loop` makes attempts until one succeeds, `isDone` returns true, or it gives up. */
  run(loop: (attempt: Attempt<Value>, isDone: () => boolean) => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const attempt: Attempt<Value> = (channel, options) => {
        const answer = this.#action(channel, options)
        this.#open.add(answer)
        answer.then(
          (value) => {
            this.#isDone = true
            this.#open.delete(answer)
            resolve(value)
          },
          (error) => this.#onFailed(answer, error),
        )
        return answer
      }
      loop(attempt, () => this.#isDone).then(resolve, (error) => {
        void Promise.allSettled([...this.#open]).then(() => reject(this.#conclusion(error)))
      })
    })
  }

  /** An attempt in an expired session was certainly not applied. */
  #onFailed(answer: Promise<Value>, error: unknown): void {
    this.#open.delete(answer)
    if (!isRaftError(error)) this.#isUnknown = true
    else if (error.outcome !== 'not-applied' && error.code !== 'ERR_RAFT_SESSION_EXPIRED') this.#isUnknown = true
  }

  #conclusion(error: unknown): unknown {
    if (!isRaftError(error)) return error
    return this.#isUnknown ? unknownAfterAttempts(error) : this.#certain(error)
  }

  #certain(error: RaftError): RaftError {
    return isRaftError(error, 'ERR_RAFT_SESSION_EXPIRED') ? expiredUnused(error) : error
  }
}
