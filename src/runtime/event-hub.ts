/** Distributes events: calls observers synchronously, and buffers events for the readers of streams. */
import type { NodeEvent, ObservedNode, Observer } from '../contracts/observer.ts'
import type { NodeId } from '../core/types.ts'
import { onAbort } from '../platform/on-abort.ts'
import { publishEvent } from './diagnostics.ts'
import { Meters } from './meters.ts'
import { warn } from './warn.ts'

/** A stream of events with a bounded buffer: if the reader is slow, the oldest events are dropped. */
export interface EventStream extends AsyncIterableIterator<NodeEvent> {
  /** The number of dropped events. */
  readonly dropped: number
}

export class EventHub {
  /** What the node measures goes here. */
  readonly meters: Meters = new Meters()
  readonly #node: NodeId
  readonly #observers: Set<Observer>
  readonly #bufferMax: number
  readonly #streams = new Set<BufferedStream>()
  #isClosed = false

  constructor(node: NodeId, observers: readonly Observer[], bufferMax: number) {
    this.#node = node
    this.#observers = new Set(observers)
    this.#bufferMax = bufferMax
  }

  emit(event: NodeEvent): void {
    for (const observer of [...this.#observers]) this.#guard(observer, () => observer.event(this.#node, event))
    for (const stream of this.#streams) stream.push(event)
    publishEvent(this.#node, event)
  }

  /** Introduces the node to its observers, before the first event. */
  attach(node: ObservedNode): void {
    for (const observer of this.#observers) this.#guard(observer, () => this.meters.add(observer.attach?.(node)))
  }

  /** Every event from now on, until the hub closes or the signal is aborted. */
  stream(signal: AbortSignal | undefined): EventStream {
    let stopListening = (): void => undefined
    const stream = new BufferedStream(this.#bufferMax, () => {
      this.#streams.delete(stream)
      stopListening()
    })
    if (this.#isClosed || signal?.aborted === true) stream.end()
    else {
      this.#streams.add(stream)
      if (signal !== undefined) stopListening = onAbort(signal, () => stream.end())
    }
    return stream
  }

  #guard(observer: Observer, call: () => void): void {
    try {
      call()
    } catch (cause) {
      this.#observers.delete(observer)
      warn(`an observer of ${this.#node} threw and was removed: ${String(cause)}`)
    }
  }

  /** Ends all streams; their readers still get what is buffered. */
  close(): void {
    this.#isClosed = true
    for (const stream of [...this.#streams]) stream.end()
  }
}

class BufferedStream implements EventStream {
  readonly #bufferMax: number
  readonly #onEnd: () => void
  #buffer: NodeEvent[] = []
  #pendingReads: ((result: IteratorResult<NodeEvent>) => void)[] = []
  #isEnded = false
  #dropped = 0

  constructor(bufferMax: number, onEnd: () => void) {
    this.#bufferMax = bufferMax
    this.#onEnd = onEnd
  }

  get dropped(): number {
    return this.#dropped
  }

  push(event: NodeEvent): void {
    const reader = this.#pendingReads.shift()
    if (reader !== undefined) {
      reader({ value: event, done: false })
      return
    }
    this.#buffer.push(event)
    if (this.#buffer.length > this.#bufferMax) {
      this.#buffer.shift()
      this.#dropped++
    }
  }

  end(): void {
    this.#isEnded = true
    this.#onEnd()
    for (const reader of this.#pendingReads) reader({ value: undefined, done: true })
    this.#pendingReads = []
  }

  next(): Promise<IteratorResult<NodeEvent>> {
    const event = this.#buffer.shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    if (this.#isEnded) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => {
      this.#pendingReads.push(resolve)
    })
  }

  return(): Promise<IteratorResult<NodeEvent>> {
    this.#buffer = []
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
