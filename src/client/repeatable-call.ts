/** A call that may be sent to several nodes: the first success of any attempt counts, and a failure only once every attempt has ended. */
import type { ClientChannel } from '../contracts/client-channel.ts'
import type { CallOptions } from '../contracts/node-service.ts'
import type { RaftError } from '../errors.ts'
import { isRaftError } from '../errors.ts'
import type { AttemptWatch } from './attempt-watch.ts'
import { expiredUnused, leftError, unknownAfterAttempts } from './client-errors.ts'

export interface AttemptOptions extends CallOptions {
  readonly timeoutMs: number
  /** For proposals: whether a follower may forward them. */
  readonly forward: boolean
}

/** One attempt: calls a method of a channel. */
export type Attempt<Value> = (channel: ClientChannel, options: AttemptOptions) => Promise<Value>

export class RepeatableCall<Value> {
  readonly #action: Attempt<Value>
  readonly #watch: AttemptWatch
  /** The number of attempts without an answer. */
  #open = 0
  #isDone = false
  /** Whether an attempt has ended without a certain outcome. */
  #isUnknown = false
  /** Called once no attempt is open. */
  #onAllEnded: (() => void) | undefined

  constructor(action: Attempt<Value>, watch: AttemptWatch) {
    this.#action = action
    this.#watch = watch
  }

  /**
   * `loop` makes attempts until one succeeds, `isDone` returns true, or it gives up. An attempt rejects, as unknown, if its answer takes long, so
   * that the call continues at another node; the answer still counts.
   */
  run(loop: (attempt: Attempt<Value>, isDone: () => boolean) => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const attempt: Attempt<Value> = (channel, options) =>
        new Promise((succeed, fail) => {
          // If it throws, nothing is left to clean up.
          const answer = this.#action(channel, options)
          const { address } = channel
          const watched = this.#watch.add(address, (why) => fail(leftError(address, why)))
          this.#open++
          answer.then(
            (value) => {
              this.#watch.remove(watched)
              this.#isDone = true
              resolve(value)
              succeed(value)
              this.#onEnded()
            },
            (error) => {
              this.#watch.remove(watched)
              this.#onFailed(error)
              fail(error)
              this.#onEnded()
            },
          )
        })
      loop(attempt, () => this.#isDone).then(resolve, (error) => {
        this.#onAllEnded = () => reject(this.#conclusion(error))
        if (this.#open === 0) this.#onAllEnded()
      })
    })
  }

  #onEnded(): void {
    if (--this.#open === 0) this.#onAllEnded?.()
  }

  /** An attempt in an expired session was certainly not applied. */
  #onFailed(error: unknown): void {
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
