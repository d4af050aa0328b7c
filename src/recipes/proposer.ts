/** What the recipes need of a node or client, and the calls that they make on it. */
import type { Clock } from '../contracts/clock.ts'
import type { CallOptions } from '../contracts/node-service.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { onAbort } from '../platform/on-abort.ts'
import { type Stamp, Stamper } from './log-time.ts'

/** A `RaftNode` or a `RaftClient` with the codecs of the recipe. */
export interface Proposer<Command, Result> {
  propose(command: Command, options?: CallOptions): Promise<Result>
}

/** Proposes commands with a stamp. */
export class StampedProposer<Command extends { readonly stamp: Stamp }, Result extends { readonly time: number }> {
  readonly #proposer: Proposer<Command, Result>
  readonly #stamper: Stamper

  constructor(proposer: Proposer<Command, Result>, clock: Clock) {
    this.#proposer = proposer
    this.#stamper = new Stamper(clock)
  }

  async propose(command: Unstamped<Command>, options?: CallOptions): Promise<Result> {
    const result = await this.#proposer.propose({ ...command, stamp: this.#stamper.stamp() } as never, options)
    this.#stamper.onResult(result.time)
    return result
  }
}

/** Each command without its stamp. */
export type Unstamped<Command> = Command extends unknown ? Omit<Command, 'stamp'> : never

/** Whether repeating a command that may be applied twice can help. */
export function mayRepeat(error: unknown): boolean {
  return isRaftError(error) && (error.retryable || error.code === 'ERR_RAFT_OUTCOME_UNKNOWN')
}

/** Resolves after a time, or at once if the signal is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve()
  return new Promise((resolve) => {
    const stopListening = signal && onAbort(signal, end)
    const timer = clock.wakeAt(clock.now() + ms, end)
    function end(): void {
      timer.cancel()
      stopListening?.()
      resolve()
    }
  })
}

export function abortedError(what: string, signal: AbortSignal): RaftError {
  return new RaftError('ERR_RAFT_ABORTED', `${what} was stopped: its signal is aborted`, { cause: signal.reason })
}

/** An id that no other process makes. */
export function uniqueId(): string {
  return globalThis.crypto.randomUUID()
}
