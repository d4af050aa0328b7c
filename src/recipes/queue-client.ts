/** A queue of a cluster, for programs: push, take, and hold a job with renewals until it is done. */
import type { Clock } from '../contracts/clock.ts'
import type { CallOptions } from '../contracts/node-service.ts'
import { RaftError } from '../errors.ts'
import { withDefaults } from '../platform/options.ts'
import { systemClock } from '../platform/system-clock.ts'
import { realClock } from '../runtime/real-clock.ts'
import { Lease } from './lease.ts'
import { assertOptions, type Proposer, StampedProposer, uniqueId, waitFor } from './proposer.ts'
import type { QueueCommand, QueueResult } from './queue-machine.ts'

/** The options of a queue client. */
export interface QueueClientOptions {
  /** How often a worker that waits asks again, in milliseconds. Each time is a command. Default: 500. */
  readonly pollMs?: number | undefined
  /** The clock, for tests. */
  readonly clock?: Clock | undefined
}

/** How a job is pushed. */
export interface PushOptions extends CallOptions {
  /** While a job with this id is in the queue, pushing it again has no effect. Default: a new id. */
  readonly id?: string | undefined
  /** How many times the job is tried. Then it is dead, until it is queued again or discarded. Default: 5. */
  readonly attempts?: number | undefined
}

/** How a job is taken. */
export interface TakeOptions {
  /** How long the job stays with a worker that crashed, at least, in milliseconds. It is renewed three times in it. Default: 30,000. */
  readonly leaseMs?: number | undefined
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined
  /** The longest wait in milliseconds; then it rejects with ERR_RAFT_TIMEOUT. Default: no limit. */
  readonly timeoutMs?: number | undefined
}

/** A job that this process works on. */
export interface HeldJob<Payload> {
  readonly id: string
  readonly payload: Payload
  /** Counts from 1. */
  readonly attempt: number
  /** The fencing token: larger than that of every earlier lease of the job. */
  readonly token: number
  /** Aborted as soon as it is not certain that no other worker has the job, with a RaftError (ERR_RAFT_LEASE_LOST) as the reason, and by `ack` and `retry`. */
  readonly signal: AbortSignal
  /** The job is done. Rejects with ERR_RAFT_LEASE_LOST if another worker may have it. */
  ack(): Promise<void>
  /** The job should be tried again, after those that are ready. */
  retry(): Promise<void>
  /** `retry`, unless `ack` was called; for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** The queue of a cluster whose state machine is a QueueMachine. */
export interface QueueClient<Payload> {
  /** Rejects with ERR_RAFT_OVERLOADED beyond a bound of QUEUE_LIMITS. */
  push(payload: Payload, options?: PushOptions): Promise<{ readonly id: string; readonly isNew: boolean }>
  /** Waits for a job. */
  take(options?: TakeOptions): Promise<HeldJob<Payload>>
  /** The same without waiting: undefined if no job is ready. */
  tryTake(options?: TakeOptions): Promise<HeldJob<Payload> | undefined>
  /** Makes a dead job ready again; false if there is none with this id. */
  requeue(id: string, options?: CallOptions): Promise<boolean>
  /** Removes a dead job; false if there is none with this id. */
  discard(id: string, options?: CallOptions): Promise<boolean>
}

const DEFAULTS = { pollMs: 500 }
const ATTEMPTS = 5
const TAKE_DEFAULTS = { leaseMs: 30_000, timeoutMs: Number.POSITIVE_INFINITY }

type Queue = StampedProposer<QueueCommand, QueueResult>
type Taken = Extract<QueueResult, { readonly type: 'taken' }>

/** Makes a client of the queue behind a node or client with the codecs of the queue machine. */
export function queueClient<Payload = unknown>(
  proposer: Proposer<QueueCommand, QueueResult>,
  options: QueueClientOptions = {},
): QueueClient<Payload> {
  assertOptions(options)
  const { clock } = options
  const { pollMs } = withDefaults(DEFAULTS, options)
  const queue: Queue = new StampedProposer(proposer, clock ?? systemClock)
  const leaseClock = clock ?? realClock()
  const revive =
    (type: 'requeue' | 'discard') =>
    async (id: string, callOptions?: CallOptions): Promise<boolean> =>
      (await queue.propose({ type, id }, callOptions)).type === 'done'
  return {
    async push(payload, { id = uniqueId(), attempts = ATTEMPTS, ...callOptions } = {}) {
      const result = await queue.propose({ type: 'push', id, payload, attempts }, callOptions)
      if (result.type === 'pushed') return { id, isNew: result.isNew }
      throw refusalError(result)
    },
    async take(takeOptions) {
      return (await take<Payload>(queue, leaseClock, pollMs, true, takeOptions)) as HeldJob<Payload>
    },
    tryTake: (takeOptions) => take(queue, leaseClock, pollMs, false, takeOptions),
    requeue: revive('requeue'),
    discard: revive('discard'),
  }
}

/** A worker of its own for each job, so that it may repeat the command. */
async function take<Payload>(
  queue: Queue,
  clock: Clock,
  pollMs: number,
  waits: boolean,
  options: TakeOptions = {},
): Promise<HeldJob<Payload> | undefined> {
  assertOptions(options, 'leaseMs', 'signal')
  const { signal } = options
  const { leaseMs, timeoutMs } = withDefaults(TAKE_DEFAULTS, options)
  const worker = uniqueId()
  const wait = { what: 'job', clock, pollMs, signal, timeoutMs, patienceMs: leaseMs }
  const { job } = await waitFor<{ readonly job: HeldJob<Payload> | undefined }>(wait, async (limitMs, sentAt) => {
    const result = await queue.propose({ type: 'take', worker, leaseMs }, { timeoutMs: limitMs, signal })
    if (result.type === 'taken') return { job: heldJob(queue, clock, leaseMs, sentAt, result) }
    if (result.type === 'refused') throw refusalError(result)
    return waits ? undefined : { job: undefined }
  })
  return job
}

function heldJob<Payload>(queue: Queue, clock: Clock, leaseMs: number, sentAt: number, taken: Taken): HeldJob<Payload> {
  const { id, payload, attempt, token } = taken
  const name = `job '${id}'`
  const renew = async (timeoutMs: number): Promise<boolean> =>
    (await queue.propose({ type: 'renew', id, token, leaseMs }, { timeoutMs })).type === 'done'
  const lease = new Lease({ name, clock, ttlMs: leaseMs, sentAt, renew })
  let settled: Promise<void> | undefined
  const settle = (type: 'ack' | 'retry'): Promise<void> => {
    settled ??= (async () => {
      lease.stop(new RaftError('ERR_RAFT_ABORTED', `${name} was settled: ${type}`))
      const result = await queue.propose({ type, id, token })
      if (result.type === 'done' || type === 'retry') return
      throw new RaftError(
        'ERR_RAFT_LEASE_LOST',
        `${name} is done, but its lease has ended: another worker may do it again`,
        {
          hint: 'use a longer leaseMs, or make the job harmless to repeat',
          details: { leaseMs },
        },
      )
    })()
    return settled
  }
  return {
    ...{ id, payload: payload as Payload, attempt, token, signal: lease.signal },
    ack: () => settle('ack'),
    retry: () => settle('retry'),
    [Symbol.asyncDispose]: () => settled?.catch(() => undefined) ?? settle('retry'),
  }
}

function refusalError(result: QueueResult): RaftError {
  const message = result.type === 'refused' ? result.message : `unexpected result '${result.type}'`
  return new RaftError('ERR_RAFT_OVERLOADED', message, {
    retryable: false,
    hint: 'let workers empty the queue; requeue or discard dead jobs',
  })
}
