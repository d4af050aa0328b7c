/** One direction of a connection through a proxy: passes bytes on at once, late, slowly, or never. */
import type { Socket } from 'node:net'

/** What the way from one node to another is like; without any, bytes pass at once. */
export type LinkCondition =
  /** Whatever comes is lost without a word. Bytes of a stream cannot be missed, so the connection breaks once that ends. */
  | { readonly type: 'drop' }
  /** Nothing comes through; what was sent meanwhile arrives late, when that ends. */
  | { readonly type: 'hold' }
  | { readonly type: 'slow'; readonly delayMs: number; readonly bytesPerSecond: number }

/** With this much waiting, the sender is not read from any more: it feels the back-pressure. */
const QUEUED_BYTES_MAX = 1024 * 1024

const NO_DELAY = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY }

interface QueuedChunk {
  readonly chunk: Buffer
  /** On this process's clock; Infinity while it is held. */
  dueAt: number
}

export class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #condition: () => LinkCondition | undefined
  readonly #queue: QueuedChunk[] = []
  #queuedBytes = 0
  #departedAt = 0
  #lastDueAt = 0
  #timer: NodeJS.Timeout | undefined
  #hasLost = false

  constructor(from: Socket, to: Socket, condition: () => LinkCondition | undefined) {
    this.#from = from
    this.#to = to
    this.#condition = condition
  }

  /** Bytes are missing in the middle. */
  get hasLost(): boolean {
    return this.#hasLost
  }

  get isBlocked(): boolean {
    const weather = this.#condition()
    return weather?.type === 'drop' || weather?.type === 'hold'
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

  /** The weather has changed: what was held is due. */
  onConditionChanged(): void {
    if (this.isBlocked) return
    for (const each of this.#queue) if (each.dueAt === Number.POSITIVE_INFINITY) each.dueAt = performance.now()
    this.#flush()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }

  /** One after the other onto a line of so many bytes a second, then as long as the line is; never before what was sent earlier. */
  #dueAt(condition: LinkCondition | undefined, bytes: number): number {
    if (condition?.type === 'hold') return Number.POSITIVE_INFINITY
    const now = performance.now()
    const { delayMs, bytesPerSecond } = condition?.type === 'slow' ? condition : NO_DELAY
    this.#departedAt = Math.max(now, this.#departedAt) + (bytes / bytesPerSecond) * 1000
    this.#lastDueAt = Math.max(this.#lastDueAt, this.#departedAt + delayMs)
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
    if (next !== undefined && next.dueAt < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#flush(), Math.ceil(next.dueAt - now))
  }

  #pauseUntilDrained(): void {
    this.#from.pause()
    this.#to.once('drain', () => this.#from.resume())
  }
}
