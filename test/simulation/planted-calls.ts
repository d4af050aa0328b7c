/** One call each whose result depends on the node, planted in the job queue. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Result } from './job-queue.ts'
import { JobQueue } from './job-queue.ts'

export class ReadsFile extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    return super.enqueue(`${payload}${readFileSync('/etc/hostname', 'utf8')}`, priority)
  }
}

export class RunsProcess extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    return super.enqueue(`${payload}${execFileSync('uname', { encoding: 'utf8' })}`, priority)
  }
}

export class ReadsHostName extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    return `${hostname()}-${super.enqueue(payload, priority)}`
  }
}

export class ReadsProcessId extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    return `${process.pid}-${super.enqueue(payload, priority)}`
  }
}

export class ReadsEnvironment extends JobQueue {
  override lock(lock: string, owner: string): Result {
    return super.lock(`${process.env.LOCK_PREFIX ?? ''}${lock}`, owner)
  }
}

export class SetsTimer extends JobQueue {
  override lock(lock: string, owner: string): Result {
    const result = super.lock(lock, owner)
    if (result === 'locked') setTimeout(() => this.locks.delete(lock), 100)
    return result
  }
}

export class SendsRequest extends JobQueue {
  override finish(worker: string, id: number): Result {
    void fetch(`http://127.0.0.1:9/finished/${id}`).catch(() => undefined)
    return super.finish(worker, id)
  }
}
