/** One direction of a proxied connection: passes bytes on at once, late, slowly or never. */
import type { Socket } from 'node:net'

/** The condition of one direction of a link; without one, bytes pass at once. */
export type PipeCondition =
  /** Bytes are discarded. Because a stream cannot have gaps, the connection is closed when the condition ends. */
  | { readonly type: 'drop' }
  /** Bytes are queued and delivered when the condition ends. */
  | { readonly type: 'hold' }
  | { readonly type: 'slow'; readonly delayMs: number; readonly bytesPerSecond: number }

/** Beyond this many queued bytes, the pipe stops reading, so that the sender sees back-pressure. */
const QUEUED_BYTES_MAX = 1024 * 1024

const NO_DELAY = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY }

interface QueuedChunk {
  readonly chunk: Buffer
  /** When to deliver it, by performance.now(); Infinity while it is held. */
  dueAt: number
}

export class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #condition: () => PipeCondition | undefined
  readonly #queue: QueuedChunk[] = []
  #queuedBytes = 0
  #transmittedAt = 0
  #lastDueAt = 0
  #timer: NodeJS.Timeout | undefined
  #hasLost = false
  #onDelivered: (() => void) | undefined

  constructor(from: Socket, to: Socket, condition: () => PipeCondition | undefined) {
    this.#from = from
    this.#to = to
    this.#condition = condition
  }

  /** True if bytes were discarded. */
  get hasLost(): boolean {
    return this.#hasLost
  }

  get isBlocked(): boolean {
    const condition = this.#condition()
    return condition?.type === 'drop' || condition?.type === 'hold'
  }

  write(chunk: Buffer): void {
    const condition = this.#condition()
    if (condition?.type === 'drop') {
      this.#hasLost = true
      return
    }
    if (condition === undefined && this.#queue.length === 0) {
      if (!this.#to.write(chunk)) this.#pauseUntilDrained()
      return
    }
    this.#queue.push({ chunk, dueAt: this.#dueAt(condition, chunk.length) })
    this.#queuedBytes += chunk.length
    if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#from.pause()
    this.#flush()
  }

  /** Delivers held bytes if the new condition allows it. */
  onConditionChanged(): void {
    if (this.isBlocked) return
    for (const each of this.#queue) if (each.dueAt === Number.POSITIVE_INFINITY) each.dueAt = performance.now()
    this.#flush()
  }

  /** The sender has closed its end: calls back once everything that it sent before is delivered, as a network does. */
  whenDelivered(callback: () => void): void {
    this.#onDelivered = callback
    if (this.#queue.length === 0) this.#finish()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
    this.#onDelivered = undefined
  }

  /** When a chunk is due: after the transmission of all earlier chunks at the given rate, plus the delay. */
  #dueAt(condition: PipeCondition | undefined, bytes: number): number {
    if (condition?.type === 'hold') return Number.POSITIVE_INFINITY
    const now = performance.now()
    const { delayMs, bytesPerSecond } = condition?.type === 'slow' ? condition : NO_DELAY
    this.#transmittedAt = Math.max(now, this.#transmittedAt) + (bytes / bytesPerSecond) * 1000
    this.#lastDueAt = Math.max(this.#lastDueAt, this.#transmittedAt + delayMs)
    return this.#lastDueAt
  }

  #flush(): void {
    clearTimeout(this.#timer)
    const now = performance.now()
    for (let head = this.#queue[0]; head !== undefined && head.dueAt <= now; head = this.#queue[0]) {
      this.#queue.shift()
      this.#queuedBytes -= head.chunk.length
      this.#to.write(head.chunk)
    }
    if (this.#queuedBytes <= QUEUED_BYTES_MAX) this.#from.resume()
    const next = this.#queue[0]
    if (next === undefined) this.#finish()
    if (next !== undefined && next.dueAt < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#flush(), Math.ceil(next.dueAt - now))
  }

  #finish(): void {
    const callback = this.#onDelivered
    if (callback === undefined) return
    this.#onDelivered = undefined
    this.#to.write(Buffer.alloc(0), callback)
  }

  #pauseUntilDrained(): void {
    this.#from.pause()
    this.#to.once('drain', () => this.#from.resume())
  }
}
