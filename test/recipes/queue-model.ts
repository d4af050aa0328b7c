/** A reference model of the queue machine: a list of jobs that is searched for everything. */
import type { QueueAnswer, QueueCommand, QueueQuery, QueueResult } from '../../src/recipes/index.ts'

interface Job {
  readonly id: string
  readonly payload: unknown
  readonly attemptsMax: number
  attempts: number
  state: 'ready' | 'leased' | 'dead'
  order: number
  worker: string
  endsAt: number
}

export class QueueModel {
  #jobs: Job[] = []
  #time = 0
  #order = 0

  apply(command: QueueCommand): QueueResult {
    if (command.type === 'malformed') throw new Error('not generated')
    const { stamp } = command
    if (stamp.time === this.#time && stamp.elapsedMs >= 100) this.#time += Math.min(stamp.elapsedMs, 1000)
    for (const job of this.#in('leased')) if (job.endsAt <= this.#time) this.#tryAgain(job)
    return { ...this.#outcome(command), time: this.#time } as QueueResult
  }

  query(query: QueueQuery): QueueAnswer {
    const [ready, leased, dead] = [this.#in('ready').length, this.#in('leased').length, this.#in('dead')]
    if (query.type === 'counts') return { type: 'counts', ready, leased, dead: dead.length }
    const limit = query.type === 'deadJobs' ? query.limit : 0
    const jobs = dead.slice(0, limit).map(({ id, payload, attempts }) => ({ id, payload, attempts }))
    return { type: 'deadJobs', jobs }
  }

  #outcome(command: Exclude<QueueCommand, { readonly type: 'malformed' }>): object {
    if (command.type === 'take') {
      const own = this.#in('leased').find(({ worker }) => worker === command.worker)
      const job = own ?? this.#in('ready')[0]
      if (job === undefined) return { type: 'empty' }
      if (own === undefined)
        Object.assign(job, { state: 'leased', order: ++this.#order, worker: command.worker, endsAt: 0 })
      if (own === undefined) job.attempts++
      job.endsAt = Math.max(job.endsAt, this.#time + 1000 + command.leaseMs)
      return { type: 'taken', id: job.id, payload: job.payload, attempt: job.attempts, token: job.order }
    }
    const job = this.#jobs.find(({ id }) => id === command.id)
    if (command.type === 'push') {
      if (job !== undefined) return { type: 'pushed', isNew: false }
      const { id, payload, attempts: attemptsMax } = command
      const order = ++this.#order
      this.#jobs.push({ id, payload, attemptsMax, attempts: 0, state: 'ready', order, worker: '', endsAt: 0 })
      return { type: 'pushed', isNew: true }
    }
    if (!('token' in command)) {
      if (job?.state !== 'dead') return { type: 'notDead' }
      if (command.type === 'discard') this.#jobs.splice(this.#jobs.indexOf(job), 1)
      else Object.assign(job, { state: 'ready', order: ++this.#order, attempts: 0 })
      return { type: 'done' }
    }
    if (job?.state !== 'leased' || job.order !== command.token) return { type: 'notHeld' }
    if (command.type === 'ack') this.#jobs.splice(this.#jobs.indexOf(job), 1)
    else if (command.type === 'retry') this.#tryAgain(job)
    else if ('leaseMs' in command) job.endsAt = Math.max(job.endsAt, this.#time + 1000 + command.leaseMs)
    return { type: 'done' }
  }

  #in(state: Job['state']): Job[] {
    return this.#jobs.filter((job) => job.state === state).sort((a, b) => a.order - b.order)
  }

  #tryAgain(job: Job): void {
    job.state = job.attempts < job.attemptsMax ? 'ready' : 'dead'
    job.order = ++this.#order
  }
}
