/** Runs the tasks of `node.whileLeader`: on the leader only, once for each of its leaderships. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { NodeEvent } from '../../contracts/observer.ts'
import type { Term } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'

/** What runs while this node leads. `term` is the fencing token; `signal` is aborted when the leadership ends. */
export type LeaderWork = (term: Term, signal: AbortSignal) => unknown

/** Ends a task of `node.whileLeader`. */
export interface LeaderTask extends AsyncDisposable {
  /** Aborts the signal of the current run, and starts no other. Resolves once the run has ended: do not wait for it inside the work. Idempotent. */
  stop(): Promise<void>
}

export interface LeaderTasksParts {
  readonly clock: Clock
  /** Resolves once a quorum has confirmed that this node leads, and everything committed until then is applied here. */
  readonly confirm: () => Promise<void>
  readonly emit: (event: NodeEvent) => void
}

/** A leadership that could not be confirmed, for instance because of too many reads, is confirmed again after this time. */
const RETRY_MS = 50

/** From the moment a node leads, or continues after a pause, until that ends. */
interface Leadership {
  readonly term: Term
  isConfirmed: boolean
}

export class LeaderTasks {
  readonly #parts: LeaderTasksParts
  readonly #tasks = new Set<Task>()
  #leadership: Leadership | undefined
  /** The leadership that is being confirmed, or waits to be. */
  #confirming: Leadership | undefined
  #retryTimer: Timer | undefined

  constructor(parts: LeaderTasksParts) {
    this.#parts = parts
  }

  add(work: LeaderWork): LeaderTask {
    const task = new Task(work, this.#parts.emit)
    this.#tasks.add(task)
    const stop = (): Promise<void> => {
      this.#tasks.delete(task)
      return task.stop()
    }
    this.#start()
    return { stop, [Symbol.asyncDispose]: stop }
  }

  onEvent(event: NodeEvent): void {
    if (event.type === 'becameLeader') this.#begin(event.term)
    else if (this.#leadership === undefined) return
    else if (event.type === 'paused') {
      const { term } = this.#leadership
      this.#end(`this node was paused for ${event.pausedMs} ms, and another node may lead`)
      this.#begin(term)
    } else if (event.type === 'steppedDown') this.#end(`this node stepped down (${event.reason})`)
    else if (event.type === 'becameFollower') this.#end('this node became a follower')
  }

  /** Ends the current runs, and starts no others. */
  close(why: string): void {
    this.#end(why)
    this.#tasks.clear()
  }

  #begin(term: Term): void {
    this.#leadership = { term, isConfirmed: false }
    this.#start()
  }

  #end(why: string): void {
    const term = this.#leadership?.term
    this.#leadership = undefined
    this.#confirming = undefined
    this.#retryTimer?.cancel()
    this.#retryTimer = undefined
    if (term === undefined) return
    for (const task of this.#tasks)
      task.end(new RaftError('ERR_RAFT_ABORTED', `the leadership of term ${term} ended: ${why}`))
  }

  #start(): void {
    const leadership = this.#leadership
    if (leadership === undefined || this.#tasks.size === 0) return
    if (leadership.isConfirmed) for (const task of this.#tasks) task.start(leadership.term)
    else if (this.#confirming !== leadership) {
      this.#confirming = leadership
      void this.#confirm(leadership)
    }
  }

  async #confirm(leadership: Leadership): Promise<void> {
    const { clock, confirm } = this.#parts
    const isConfirmed = await confirm().then(
      () => true,
      () => false,
    )
    if (this.#leadership !== leadership) return
    leadership.isConfirmed = isConfirmed
    if (isConfirmed) this.#start()
    else this.#retryTimer = clock.wakeAt(clock.now() + RETRY_MS, () => void this.#confirm(leadership))
  }
}

/** Runs one function, and never twice at the same time. */
class Task {
  readonly #work: LeaderWork
  readonly #emit: (event: NodeEvent) => void
  #controller: AbortController | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(work: LeaderWork, emit: (event: NodeEvent) => void) {
    this.#work = work
    this.#emit = emit
  }

  /** Runs once the run of an earlier leadership has ended, unless this leadership has ended by then. */
  start(term: Term): void {
    if (this.#controller !== undefined || this.#isStopped) return
    const controller = new AbortController()
    this.#controller = controller
    this.#running = this.#running.then(() => this.#run(term, controller.signal))
  }

  end(reason: RaftError): void {
    this.#controller?.abort(reason)
    this.#controller = undefined
  }

  stop(): Promise<void> {
    this.#isStopped = true
    this.end(new RaftError('ERR_RAFT_ABORTED', 'the task was stopped'))
    return this.#running
  }

  async #run(term: Term, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    try {
      await this.#work(term, signal)
    } catch (error) {
      if (!isAbort(error, signal)) this.#emit({ type: 'leaderTaskFailed', term, message: String(error) })
    }
  }
}

/** Whether the work ended because of its signal. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false
  if (error === signal.reason) return true
  return error instanceof Error && (error.name === 'AbortError' || error.cause === signal.reason)
}
