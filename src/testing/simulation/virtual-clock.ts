/** Simulated time: an event queue, and a clock for each run of each process. Nothing here waits for real time. */
import type { Clock, Timer } from '../../contracts/clock.ts'

/** A scheduled event that can be cancelled. */
export interface Scheduled extends Timer {
  readonly atUs: number
}

class QueuedEvent implements Scheduled {
  readonly atUs: number
  readonly order: number
  readonly callback: () => void
  isCancelled = false

  constructor(atUs: number, order: number, callback: () => void) {
    this.atUs = atUs
    this.order = order
    this.callback = callback
  }

  cancel(): void {
    this.isCancelled = true
  }
}

/**
 * The time of the simulation, in whole microseconds. Events are executed in the order of their times, and events of the same
 * microsecond in the order in which they were scheduled, so a run depends on nothing else.
 */
export class VirtualTime {
  #nowUs = 0
  #order = 0
  #executed = 0
  readonly #heap: QueuedEvent[] = []

  get nowUs(): number {
    return this.#nowUs
  }

  /** The number of events executed so far. */
  get executed(): number {
    return this.#executed
  }

  /** The number of events scheduled so far, including cancelled ones. */
  get scheduled(): number {
    return this.#order
  }

  at(atUs: number, callback: () => void): Scheduled {
    if (!Number.isSafeInteger(atUs)) throw new RangeError(`a time must be a whole number of microseconds, not ${atUs}`)
    const event = new QueuedEvent(Math.max(atUs, this.#nowUs), this.#order++, callback)
    this.#push(event)
    return event
  }

  after(delayUs: number, callback: () => void): Scheduled {
    return this.at(this.#nowUs + delayUs, callback)
  }

  /** When the next event is due; undefined if none is scheduled. */
  nextUs(): number | undefined {
    while (this.#heap[0]?.isCancelled === true) this.#pop()
    return this.#heap[0]?.atUs
  }

  /** Executes the next event if it is due by `untilUs`, and returns true. Otherwise advances the time to `untilUs` and returns false. */
  step(untilUs: number): boolean {
    const dueUs = this.nextUs()
    if (dueUs === undefined || dueUs > untilUs) {
      this.#nowUs = Math.max(this.#nowUs, untilUs)
      return false
    }
    const event = this.#pop()
    this.#nowUs = dueUs
    this.#executed++
    event.callback()
    return true
  }

  #push(event: QueuedEvent): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(heap[parent] as QueuedEvent, event)) break
      heap[at] = heap[parent] as QueuedEvent
      at = parent
    }
    heap[at] = event
  }

  #pop(): QueuedEvent {
    const heap = this.#heap
    const top = heap[0] as QueuedEvent
    const last = heap.pop() as QueuedEvent
    if (heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as QueuedEvent, heap[child] as QueuedEvent)) child++
      if (isBefore(last, heap[child] as QueuedEvent)) break
      heap[at] = heap[child] as QueuedEvent
      at = child
    }
    heap[at] = last
    return top
  }
}

/** Later than the end of any run: such a timer is never scheduled. */
const NEVER_MS = 1e12

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order)
}

/** The clock of one run of a process. It can run fast or slow and be paused, and it stops for good when the process ends. */
export class NodeClock implements Clock {
  readonly #time: VirtualTime
  #sinceUs: number
  #sinceMs: number
  #ratePerMille: number
  #isStopped = false
  /** Callbacks that became due during a pause, in order; undefined unless paused. */
  #held: (() => void)[] | undefined

  /** `startMs` is its first reading; a `ratePerMille` of 1050 runs five percent fast. */
  constructor(time: VirtualTime, options: { readonly startMs: number; readonly ratePerMille: number }) {
    this.#time = time
    this.#sinceUs = time.nowUs
    this.#sinceMs = options.startMs
    this.#ratePerMille = options.ratePerMille
  }

  now(): number {
    return this.#sinceMs + ((this.#time.nowUs - this.#sinceUs) * this.#ratePerMille) / 1_000_000
  }

  wakeAt(at: number, callback: () => void): Timer {
    let isCancelled = false
    let scheduled: Scheduled | undefined
    const arm = (notBeforeUs: number): void => {
      scheduled = this.#time.at(Math.max(this.#usAt(at), notBeforeUs), () => {
        this.run(() => {
          if (isCancelled) return
          if (this.now() < at) arm(this.#time.nowUs + 1)
          else callback()
        })
      })
    }
    if (at < NEVER_MS) arm(this.#time.nowUs)
    return {
      cancel: () => {
        isCancelled = true
        scheduled?.cancel()
      },
    }
  }

  defer(callback: () => void): void {
    this.#time.after(0, () => this.run(callback))
  }

  /** Resolves after this much simulated time, once the process is not paused; never, if the process has ended by then. */
  pass(delayUs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#time.after(delayUs, () => this.run(resolve))
    })
  }

  /** Runs a callback of this process: now, after a pause, or never if the process has ended. */
  run(callback: () => void): void {
    if (this.#isStopped) return
    if (this.#held === undefined) callback()
    else this.#held.push(callback)
  }

  get isPaused(): boolean {
    return this.#held !== undefined
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  pause(): void {
    this.#held ??= []
  }

  /** Runs the held callbacks in their order, each as its own event. */
  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const callback of held) this.defer(callback)
  }

  /** The process has ended: none of its callbacks run. */
  stop(): void {
    this.#isStopped = true
  }

  setRate(ratePerMille: number): void {
    this.#sinceMs = this.now()
    this.#sinceUs = this.#time.nowUs
    this.#ratePerMille = ratePerMille
  }

  #usAt(ms: number): number {
    const us = this.#sinceUs + Math.ceil(((ms - this.#sinceMs) * 1_000_000) / this.#ratePerMille)
    return Math.max(us, this.#time.nowUs)
  }
}
