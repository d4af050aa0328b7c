/** Follows the changes of a cluster at one node, and continues at another from the next index when that node fails, hangs or lacks them. */
import type { ClientChannel } from '../contracts/client-channel.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ChangeBatch, ChangesOptions } from '../contracts/node-service.ts'
import { CHANGES_INTERVAL_MS } from '../contracts/node-service.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { onAbort } from '../platform/on-abort.ts'
import { assertIndex } from '../platform/options.ts'
import { BackoffTimers } from './backoff-timers.ts'
import { attemptsExhausted, closedError, silentNodeError } from './client-errors.ts'
import type { Endpoints } from './endpoints.ts'
import type { ClientLimitOptions } from './options.ts'
import type { EndpointFailure } from './retry-plan.ts'
import { mayRetry } from './retry-rules.ts'
import type { RetryingCaller } from './retrying-caller.ts'

export interface ChangeFollowerParts {
  readonly endpoints: Endpoints
  readonly caller: Pick<RetryingCaller, 'callAt'>
  readonly limits: ClientLimitOptions
  readonly clock: Clock
  readonly random: () => number
}

/** From where to continue; undefined until a node has said so. */
interface Place {
  nextIndex: number | undefined
  clusterId: string | undefined
}

interface OpenChanges {
  readonly address: string
  readonly batches: AsyncIterator<ChangeBatch>
  readonly first: ChangeBatch
}

/** A node is silent after this many steps without a batch, so that a pause of this process, however long, counts as one step. */
const STEPS = 4

export class ChangeFollower {
  readonly #parts: ChangeFollowerParts
  readonly #backoff: BackoffTimers
  readonly #ends = new Set<() => void>()
  #isClosed = false

  constructor(parts: ChangeFollowerParts) {
    this.#parts = parts
    this.#backoff = new BackoffTimers(parts.clock)
  }

  /** Ends without an error when the signal is aborted or `return` is called, also while it waits. */
  follow(options: ChangesOptions): AsyncIterableIterator<ChangeBatch> {
    const controller = new AbortController()
    const batches = this.#follow(options, controller)
    return {
      next: () => batches.next(),
      return: () => {
        controller.abort()
        return batches.return()
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  /** Ends all iterators: those that wait reject with ERR_RAFT_CLOSED. */
  close(): void {
    this.#isClosed = true
    for (const end of [...this.#ends]) end()
  }

  async *#follow(
    { from, clusterId, signal: callerSignal }: ChangesOptions,
    controller: AbortController,
  ): AsyncGenerator<ChangeBatch, void, undefined> {
    assertIndex('from', from)
    if (this.#isClosed) throw closedError()
    if (callerSignal?.aborted === true) return
    const place: Place = { nextIndex: from, clusterId }
    const { signal } = controller
    const end = (): void => controller.abort()
    const stopListening = callerSignal === undefined ? undefined : onAbort(callerSignal, end)
    this.#ends.add(end)
    let left: string | undefined
    try {
      for (let attempts = 0; !signal.aborted; attempts++) {
        if (attempts > 1) await this.#pause(attempts, signal)
        const open = await this.#open(place, left, signal)
        if (open === undefined) break
        left = open.address
        for await (const batch of this.#batchesOf(open, signal)) {
          if (batch !== open.first) attempts = 0
          // A node that lags behind the last one has a lower index.
          place.nextIndex = Math.max(place.nextIndex ?? 0, batch.nextIndex)
          place.clusterId = batch.clusterId
          yield batch
        }
      }
      if (this.#isClosed) throw closedError()
    } finally {
      stopListening?.()
      this.#ends.delete(end)
    }
  }

  /** The batches of one node, until it fails in a way that another node may not. */
  async *#batchesOf(
    { address, batches, first }: OpenChanges,
    signal: AbortSignal,
  ): AsyncGenerator<ChangeBatch, void, undefined> {
    const silenceMs = CHANGES_INTERVAL_MS + this.#parts.limits.nodeSilenceMs
    try {
      for (let batch: ChangeBatch | undefined = first; batch !== undefined && !signal.aborted; ) {
        yield batch
        batch = await this.#next(address, batches, silenceMs, signal)
      }
    } catch (error) {
      if (!signal.aborted && !mayContinue(error)) throw error
    } finally {
      void batches.return?.()
    }
  }

  /** Tries every endpoint, in rounds; first those after the one that was left. Undefined once the signal is aborted. */
  async #open(place: Place, left: string | undefined, signal: AbortSignal): Promise<OpenChanges | undefined> {
    const { clock, limits, endpoints } = this.#parts
    const startedAt = clock.now()
    let attempts = 0
    for (let round = 1; ; round++) {
      const failures: EndpointFailure[] = []
      const start = left ?? endpoints.preferred
      const others = endpoints.othersAfter(start)
      for (const address of left === undefined ? [start, ...others] : [...others, start]) {
        if (signal.aborted) return undefined
        attempts++
        try {
          return await this.#openAt(address, place, signal)
        } catch (error) {
          if (signal.aborted) return undefined
          if (!mayContinue(error)) throw error
          failures.push({ address, error })
        }
      }
      const waitedMs = clock.now() - startedAt
      const isOver = waitedMs >= limits.changesTimeoutMs
      const compacted = compactedError(failures.map(({ error }) => error))
      if (compacted !== undefined && (isOver || failures.every(isNoAnswerOrCompacted))) throw compacted
      const { leader, leaderAddress } = endpoints
      if (isOver) throw attemptsExhausted({ failures, leader, leaderAddress, waitedMs, attempts })
      await this.#pause(round, signal)
    }
  }

  async #openAt(address: string, { nextIndex, clusterId }: Place, signal: AbortSignal): Promise<OpenChanges> {
    const { attemptTimeoutMs } = this.#parts.limits
    const open = async (channel: ClientChannel): Promise<OpenChanges> => {
      const batches = channel.changes({ from: nextIndex, clusterId })
      try {
        const first = await this.#next(address, batches, attemptTimeoutMs, signal)
        if (first !== undefined) return { address, batches, first }
        throw new RaftError('ERR_RAFT_UNREACHABLE', `${address} cannot be reached: it ended the changes at once`)
      } catch (error) {
        void batches.return?.()
        throw error
      }
    }
    const opened = await this.#parts.caller.callAt(address, 'local-read', open, { timeoutMs: attemptTimeoutMs })
    void this.#learnMembers(address)
    return opened
  }

  /** The members are where the changes continue once this node is gone. */
  async #learnMembers(address: string): Promise<void> {
    const { caller, endpoints, limits } = this.#parts
    const timeoutMs = limits.attemptTimeoutMs
    try {
      const status = await caller.callAt(address, 'local-read', (channel, options) => channel.status(options), {
        timeoutMs,
      })
      endpoints.learn(address, status)
    } catch {
      // Then the endpoints remain those that are known.
    }
  }

  /** The next batch; undefined if there is none, or the signal is aborted. Rejects if the node stays silent. */
  #next(
    address: string,
    batches: AsyncIterator<ChangeBatch>,
    silenceMs: number,
    signal: AbortSignal,
  ): Promise<ChangeBatch | undefined> {
    const { clock } = this.#parts
    if (signal.aborted) return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      const nextStep = () => clock.wakeAt(clock.now() + silenceMs / STEPS, step)
      let steps = 0
      const step = (): void => {
        if (++steps < STEPS) timer = nextStep()
        else settle(() => reject(silentNodeError(address, silenceMs)))
      }
      let timer = nextStep()
      const settle = (action: () => void): void => {
        timer.cancel()
        stopListening()
        action()
      }
      const stopListening = onAbort(signal, () => settle(() => resolve(undefined)))
      batches.next().then(
        ({ done, value }) => settle(() => resolve(done === true ? undefined : value)),
        (error) => settle(() => reject(error)),
      )
    })
  }

  async #pause(count: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { limits, random } = this.#parts
    const fullMs = Math.min(limits.backOffMaxMs, limits.backOffMinMs * 2 ** Math.min(count, 30))
    await this.#backoff.wait(fullMs * (1 - random() / 2), 'busy', signal)
  }
}

/** Another node may have what this one has dropped. */
function mayContinue(error: unknown): error is RaftError {
  return isRaftError(error) && (mayRetry('local-read', error) || error.code === 'ERR_RAFT_COMPACTED')
}

function isNoAnswerOrCompacted({ error: { code } }: EndpointFailure): boolean {
  return code === 'ERR_RAFT_COMPACTED' || code === 'ERR_RAFT_UNREACHABLE'
}

/** The error of the node that has the most changes. */
function compactedError(errors: readonly RaftError[]): RaftError | undefined {
  const firstIndexOf = ({ details }: RaftError): number => Number(details.firstIndex ?? Number.POSITIVE_INFINITY)
  return errors
    .filter(({ code }) => code === 'ERR_RAFT_COMPACTED')
    .sort((one, other) => firstIndexOf(one) - firstIndexOf(other))[0]
}
