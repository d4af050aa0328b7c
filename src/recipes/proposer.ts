/** What the recipes need of a node or client, and the calls that they make on it. */
import type { Clock } from '../contracts/clock.ts'
import type { CallOptions } from '../contracts/node-service.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { onAbort } from '../platform/on-abort.ts'
import { checkMethods, checkPositive, findOptionProblems, throwOnProblems } from '../platform/options.ts'
import { type Stamp, Stamper } from './log-time.ts'

/** A `RaftNode` or a `RaftClient` with the codecs of the recipe. */
export interface Proposer<Command, Result> {
  propose(command: Command, options?: CallOptions): Promise<Result>
}

/** Proposes commands with a stamp. */
export class StampedProposer<Command, Result extends { readonly time: number }> {
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
export type Unstamped<Command> = Command extends { readonly stamp: Stamp } ? Omit<Command, 'stamp'> : never

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

/** Throws ERR_RAFT_OPTIONS if there are options that do not exist, or whose value would never end a wait. Numbers in commands are checked with these. */
export function assertOptions(options: object, ...others: readonly string[]): void {
  const unchecked = Object.fromEntries(others.map((name) => [name, () => undefined]))
  throwOnProblems(findOptionProblems(options, { ...OPTION_CHECKS, ...unchecked }))
}

const OPTION_CHECKS = {
  pollMs: checkPositive,
  timeoutMs: checkPositive,
  clock: checkMethods('now', 'wakeAt'),
}

/** How long and how often to ask. */
export interface Wait {
  /** What is waited for, as in "lock 'a'". */
  readonly what: string
  readonly clock: Clock
  readonly pollMs: number
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  /** Errors after which repeating may help are not reported for so long. */
  readonly patienceMs: number
}

/** Asks until there is an answer. `ask` gets its time limit, and the time at which it was called. */
export async function waitFor<Answer extends object>(
  wait: Wait,
  ask: (timeoutMs: number, sentAt: number) => Promise<Answer | undefined>,
): Promise<Answer> {
  const { what, clock, pollMs, signal, timeoutMs, patienceMs } = wait
  const startedAt = clock.now()
  let answeredAt = startedAt
  let lastError: unknown
  for (;;) {
    const sentAt = clock.now()
    if (isAborted(signal))
      throw new RaftError('ERR_RAFT_ABORTED', `the wait for ${what} was stopped`, { cause: signal?.reason })
    const remainingMs = startedAt + timeoutMs - sentAt
    if (remainingMs <= 0) throw timeoutError(wait, lastError)
    try {
      const answer = await ask(Math.ceil(Math.min(remainingMs, patienceMs)), sentAt)
      if (answer !== undefined) return answer
      answeredAt = sentAt
      lastError = undefined
    } catch (error) {
      lastError = error
      if (isAborted(signal)) continue
      if (!mayRepeat(error) || clock.now() - answeredAt >= patienceMs) throw error
    }
    await pause(clock, pollMs, signal)
  }
}

/** A function, because the compiler takes the property for a constant. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function timeoutError({ what, timeoutMs }: Wait, cause: unknown): RaftError {
  const why = cause === undefined ? 'it was not free' : 'the last attempt failed'
  return new RaftError('ERR_RAFT_TIMEOUT', `no ${what} in ${timeoutMs} ms: ${why}`, { cause })
}

/** An id that no other process makes. */
export function uniqueId(): string {
  return globalThis.crypto.randomUUID()
}
