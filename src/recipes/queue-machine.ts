/** The state machine of a queue: jobs with leases, retries and dead jobs. */
import type { StateMachine } from '../contracts/state-machine.ts'
import { checkInteger, type OptionCheck } from '../platform/options.ts'
import { checkName, type Malformed, problemOf, type RecipeCodecs, recipeCodecs, type Shapes } from './codecs.ts'
import { checkStamp, LogTime, type Stamp } from './log-time.ts'
import { restoreTable, snapshotOf, Table } from './table.ts'

/** The bounds of a queue machine. They are part of the replicated behaviour: every node has the same. */
export const QUEUE_LIMITS = {
  /** The number of jobs in every state. Beyond, `push` is refused with 'too many jobs'. */
  jobsMax: 100_000,
  /** The sum of the lengths of all payloads as JSON, in characters. Beyond, `push` is refused with 'too many bytes'. */
  payloadLengthMax: 67_108_864,
  /** The number of dead jobs from which on `push` is refused with 'too many dead jobs'. */
  deadJobsMax: 1000,
  attemptsMax: 1000,
  leaseMsMin: 100,
  leaseMsMax: 86_400_000,
  /** The number of jobs in an answer, which also ends after about 256 KiB. */
  listMax: 100,
} as const

/** Payloads are JSON values. */
export type QueueCommand =
  /** Adds a job, unless there is one with this id. It is tried at most so many times. */
  | {
      readonly type: 'push'
      readonly id: string
      readonly payload: unknown
      readonly attempts: number
      readonly stamp: Stamp
    }
  /** Leases the next job to a worker. If it has one already, it gets it again. */
  | { readonly type: 'take'; readonly worker: string; readonly leaseMs: number; readonly stamp: Stamp }
  | {
      readonly type: 'renew'
      readonly id: string
      readonly token: number
      readonly leaseMs: number
      readonly stamp: Stamp
    }
  /** The job is done, or should be tried again: later than those that are ready now. */
  | { readonly type: 'ack' | 'retry'; readonly id: string; readonly token: number; readonly stamp: Stamp }
  /** Makes a dead job ready, with all its attempts, or removes it. */
  | { readonly type: 'requeue' | 'discard'; readonly id: string; readonly stamp: Stamp }
  | Malformed

/** `time` is the log time, for the next stamp. */
export type QueueResult = QueueOutcome & { readonly time: number }

export type QueueOutcome =
  | { readonly type: 'pushed'; readonly isNew: boolean }
  /** The job that a worker has to do. `attempt` counts from 1; a later lease has a larger token. */
  | {
      readonly type: 'taken'
      readonly id: string
      readonly payload: unknown
      readonly attempt: number
      readonly token: number
    }
  /** No job is ready. */
  | { readonly type: 'empty' }
  | { readonly type: 'done' }
  /** This lease has ended. */
  | { readonly type: 'notHeld' }
  /** There is no dead job with this id. */
  | { readonly type: 'notDead' }
  | { readonly type: 'refused'; readonly reason: QueueRefusal; readonly message: string }

export type QueueRefusal = 'too many jobs' | 'too many bytes' | 'too many dead jobs' | 'malformed'

/** Asks for the number of jobs, or for the dead ones, the oldest first. */
export type QueueQuery = { readonly type: 'counts' } | { readonly type: 'deadJobs'; readonly limit: number } | Malformed

export type QueueAnswer =
  | { readonly type: 'counts'; readonly ready: number; readonly leased: number; readonly dead: number }
  | {
      readonly type: 'deadJobs'
      readonly jobs: readonly { readonly id: string; readonly payload: unknown; readonly attempts: number }[]
    }
  | { readonly type: 'refused'; readonly reason: 'malformed'; readonly message: string }

const checkPayload: OptionCheck = (value) =>
  JSON.stringify(value) === undefined ? 'is missing, or no JSON value' : undefined
const checkLease = checkInteger(QUEUE_LIMITS.leaseMsMin, QUEUE_LIMITS.leaseMsMax)
const JOB = { id: checkName, stamp: checkStamp }
const LEASED = { ...JOB, token: checkInteger(1) }
const COMMANDS: Shapes = {
  push: { ...JOB, payload: checkPayload, attempts: checkInteger(1, QUEUE_LIMITS.attemptsMax) },
  take: { worker: checkName, leaseMs: checkLease, stamp: checkStamp },
  renew: { ...LEASED, leaseMs: checkLease },
  ack: LEASED,
  retry: LEASED,
  requeue: JOB,
  discard: JOB,
}
const QUERIES: Shapes = { counts: {}, deadJobs: { limit: checkInteger(1, QUEUE_LIMITS.listMax) } }

/** The codecs of a queue machine. */
export const queueCodecs: RecipeCodecs<QueueCommand, QueueResult, QueueQuery, QueueAnswer> = recipeCodecs(
  COMMANDS,
  QUERIES,
)

interface Job {
  readonly payload: unknown
  readonly attemptsMax: number
  /** The number of attempts that have begun. */
  readonly attempts: number
  readonly state: 'ready' | 'leased' | 'dead'
  /** The order within the state: the token of a leased job. */
  readonly order: number
  /** Of a leased job. */
  readonly worker: string
  readonly endsAt: number
}

type Valid = Exclude<QueueCommand, Malformed>
type Command<Type> = Extract<Valid, { readonly type: Type }>

/** An answer ends after about so many characters. */
const ANSWER_LENGTH = 256 * 1024

/** One queue. A job whose lease ends is tried again, and is dead after its last attempt. */
export class QueueMachine implements StateMachine<QueueCommand, QueueResult, QueueQuery, QueueAnswer> {
  #time = new LogTime()
  #lastOrder = 0
  #jobs = new Table<Job>()
  // What follows is derived from the jobs.
  /** The ids of the jobs in each state, in their order. */
  #ids = { ready: new Set<string>(), leased: new Set<string>(), dead: new Set<string>() }
  readonly #jobOfWorker = new Map<string, string>()
  #payloadLength = 0
  /** No lease ends earlier. */
  #nextEnd = Number.POSITIVE_INFINITY

  apply(command: QueueCommand): QueueResult {
    const problem = problemOf(command, COMMANDS)
    if (problem !== undefined || command.type === 'malformed')
      return { ...refused('malformed', `bad command: ${problem}`), time: this.#time.now }
    this.#time.advance(command.stamp)
    this.#endLeases()
    return { ...this.#applyValid(command), time: this.#time.now }
  }

  query(query: QueueQuery): QueueAnswer {
    const problem = problemOf(query, QUERIES)
    if (problem !== undefined || query.type === 'malformed')
      return { type: 'refused', reason: 'malformed', message: `bad query: ${problem}` }
    const { ready, leased, dead } = this.#ids
    if (query.type === 'counts') return { type: 'counts', ready: ready.size, leased: leased.size, dead: dead.size }
    const jobs: { id: string; payload: unknown; attempts: number }[] = []
    let length = 0
    for (const id of dead) {
      if (jobs.length >= query.limit || length > ANSWER_LENGTH) break
      const { payload, attempts } = this.#jobs.get(id) as Job
      jobs.push({ id, payload, attempts })
      length += lengthOf(payload)
    }
    return { type: 'deadJobs', jobs }
  }

  digest(): string {
    return `v1:${this.#time.now}-${this.#lastOrder}-${this.#jobs.digest()}`
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotOf('queue', { time: this.#time.now, lastOrder: this.#lastOrder }, this.#jobs)
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { fields, table } = await restoreTable<{ time: number; lastOrder: number }, Job>('queue', chunks)
    this.#time = new LogTime(fields.time)
    this.#lastOrder = fields.lastOrder
    this.#jobs = table
    this.#ids = { ready: new Set(), leased: new Set(), dead: new Set() }
    this.#jobOfWorker.clear()
    this.#payloadLength = 0
    this.#nextEnd = Number.POSITIVE_INFINITY
    for (const [id, job] of [...table.entries()].sort(([, a], [, b]) => a.order - b.order)) this.#index(id, job)
  }

  #applyValid(command: Valid): QueueOutcome {
    switch (command.type) {
      case 'push':
        return this.#push(command)
      case 'take':
        return this.#take(command)
      case 'renew':
        return this.#renew(command)
      case 'ack':
      case 'retry':
        return this.#settle(command)
      case 'requeue':
      case 'discard':
        return this.#revive(command)
    }
  }

  #push({ id, payload, attempts }: Command<'push'>): QueueOutcome {
    const { jobsMax, payloadLengthMax, deadJobsMax } = QUEUE_LIMITS
    if (this.#jobs.get(id) !== undefined) return { type: 'pushed', isNew: false }
    if (this.#jobs.size >= jobsMax) return refused('too many jobs', `the queue has ${jobsMax} jobs (jobsMax)`)
    if (this.#ids.dead.size >= deadJobsMax)
      return refused(
        'too many dead jobs',
        `${this.#ids.dead.size} jobs are dead, the limit is ${deadJobsMax} (deadJobsMax)`,
      )
    const length = this.#payloadLength + lengthOf(payload)
    if (length > payloadLengthMax)
      return refused('too many bytes', `the payloads would have ${length} characters, the limit is ${payloadLengthMax}`)
    this.#makeReady(id, { payload, attemptsMax: attempts, attempts: 0 })
    return { type: 'pushed', isNew: true }
  }

  #take({ worker, leaseMs }: Command<'take'>): QueueOutcome {
    const held = this.#jobOfWorker.get(worker)
    const id = held ?? first(this.#ids.ready)
    if (id === undefined) return { type: 'empty' }
    let job = this.#jobs.get(id) as Job
    if (held === undefined) {
      const endsAt = this.#time.endOfLease(leaseMs)
      job = { ...job, attempts: job.attempts + 1, state: 'leased', order: ++this.#lastOrder, worker, endsAt }
      this.#put(id, job)
    } else this.#extend(id, job, leaseMs)
    return { type: 'taken', id, payload: job.payload, attempt: job.attempts, token: job.order }
  }

  #renew({ id, token, leaseMs }: Command<'renew'>): QueueOutcome {
    const job = this.#leased(id, token)
    if (job === undefined) return { type: 'notHeld' }
    this.#extend(id, job, leaseMs)
    return { type: 'done' }
  }

  #settle({ type, id, token }: Command<'ack' | 'retry'>): QueueOutcome {
    const job = this.#leased(id, token)
    if (job === undefined) return { type: 'notHeld' }
    if (type === 'ack') this.#remove(id)
    else this.#tryAgain(id, job)
    return { type: 'done' }
  }

  #revive({ type, id }: Command<'requeue' | 'discard'>): QueueOutcome {
    const job = this.#jobs.get(id)
    if (job?.state !== 'dead') return { type: 'notDead' }
    if (type === 'discard') this.#remove(id)
    else this.#makeReady(id, { ...job, attempts: 0 })
    return { type: 'done' }
  }

  #leased(id: string, token: number): Job | undefined {
    const job = this.#jobs.get(id)
    return job?.state === 'leased' && job.order === token ? job : undefined
  }

  /** A lease is never shortened: an earlier command of this worker promised its end. */
  #extend(id: string, job: Job, leaseMs: number): void {
    this.#jobs.set(id, { ...job, endsAt: Math.max(job.endsAt, this.#time.endOfLease(leaseMs)) })
  }

  #endLeases(): void {
    const { now } = this.#time
    if (now < this.#nextEnd) return
    const ids = [...this.#ids.leased]
    this.#nextEnd = Number.POSITIVE_INFINITY
    for (const id of ids) {
      const job = this.#jobs.get(id) as Job
      if (job.endsAt <= now) this.#tryAgain(id, job)
      else this.#nextEnd = Math.min(this.#nextEnd, job.endsAt)
    }
  }

  #tryAgain(id: string, job: Job): void {
    if (job.attempts < job.attemptsMax) this.#makeReady(id, job)
    else this.#put(id, { ...job, state: 'dead', order: ++this.#lastOrder, worker: '', endsAt: 0 })
  }

  #makeReady(id: string, job: Pick<Job, 'payload' | 'attemptsMax' | 'attempts'>): void {
    const { payload, attemptsMax, attempts } = job
    this.#put(id, { payload, attemptsMax, attempts, state: 'ready', order: ++this.#lastOrder, worker: '', endsAt: 0 })
  }

  #put(id: string, job: Job): void {
    this.#remove(id)
    this.#jobs.set(id, job)
    this.#index(id, job)
  }

  #index(id: string, job: Job): void {
    this.#ids[job.state].add(id)
    this.#payloadLength += lengthOf(job.payload)
    if (job.state !== 'leased') return
    this.#jobOfWorker.set(job.worker, id)
    this.#nextEnd = Math.min(this.#nextEnd, job.endsAt)
  }

  #remove(id: string): void {
    const job = this.#jobs.get(id)
    if (job === undefined) return
    this.#jobs.delete(id)
    this.#ids[job.state].delete(id)
    this.#payloadLength -= lengthOf(job.payload)
    if (job.state === 'leased') this.#jobOfWorker.delete(job.worker)
  }
}

function first(ids: ReadonlySet<string>): string | undefined {
  return ids.values().next().value
}

function lengthOf(payload: unknown): number {
  return JSON.stringify(payload).length
}

function refused(reason: QueueRefusal, message: string): QueueOutcome {
  return { type: 'refused', reason, message }
}
