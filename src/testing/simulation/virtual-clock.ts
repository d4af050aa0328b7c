/** Time in a simulation: a queue of things to happen, and a clock for each life of each node. Nothing here waits for real. */
import type { Clock, Timer } from '../../contracts/clock.ts'

/** Something that will happen, unless it is cancelled. */
export interface Scheduled extends Timer {
  readonly atUs: number
}

interface QueuedEvent extends Scheduled {
  readonly order: number
  isCancelled: boolean
  readonly callback: () => void
}

/**
 * The world's time, in whole microseconds. What is due first happens first; of things due at the same microsecond, the one
 * scheduled first happens first. That is the only rule, so a run is a function of what was scheduled.
 */
export class VirtualTime {
  #nowUs = 0
  #order = 0
  #executed = 0
  readonly #heap: QueuedEvent[] = []

  get nowUs(): number {
    return this.#nowUs
  }

  /** How many things have happened so far. */
  get executed(): number {
    return this.#executed
  }

  /** How many things were ever scheduled. */
  get scheduled(): number {
    return this.#order
  }

  at(atUs: number, callback: () => void): Scheduled {
    if (!Number.isSafeInteger(atUs)) throw new RangeError(`an instant is a whole number of microseconds, not ${atUs}`)
    const event: QueuedEvent = {
      atUs: Math.max(atUs, this.#nowUs),
      order: this.#order++,
      isCancelled: false,
      callback,
      cancel() {
        this.isCancelled = true
      },
    }
    this.#push(event)
    return event
  }

  after(delayUs: number, callback: () => void): Scheduled {
    return this.at(this.#nowUs + delayUs, callback)
  }

  /** When the next thing is due; undefined if nothing is. */
  nextUs(): number | undefined {
    while (this.#heap[0]?.isCancelled === true) this.#pop()
    return this.#heap[0]?.atUs
  }

  /** Lets the next thing happen, if it is due by `untilUs`; says whether one did. Else the time is `untilUs` afterwards. */
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

/** Further away than any run lasts: a timer this late is never armed. */
const NEVER_MS = 1e12

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order)
}

/** The clock of one life of one node: it may run fast or slow, be paused, and it stops for good when the node crashes. */
export class NodeClock implements Clock {
  readonly #time: VirtualTime
  #sinceUs: number
  #sinceMs: number
  #ratePerMille: number
  #isStopped = false
  /** What came due while the node was paused, in order; undefined when it is not. */
  #held: (() => void)[] | undefined

  /** `startMs` is what it shows at first; `ratePerMille` of 1050 runs five percent fast. */
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

  /** Resolves once this much of the world's time has passed and the node runs; never, if it has crashed by then. */
  pass(delayUs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#time.after(delayUs, () => this.run(resolve))
    })
  }

  /** Runs something of this node: now, once it is resumed, or never. */
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

  /** What was held happens now, in its order, each in a turn of its own. */
  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const callback of held) this.defer(callback)
  }

  /** The process is gone: nothing of it runs any more. */
  stop(): void {
    this.#isStopped = true
  }

  /** From now on it runs at this rate. */
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
