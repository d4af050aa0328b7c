/** One direction of a connection through a proxy: passes bytes on at once, late, slowly, or never. */
import type { Socket } from 'node:net'

/** What the way from one node to another is like; without any, bytes pass at once. */
export type Weather =
  /** Whatever comes is lost without a word. Bytes of a stream cannot be missed, so the connection breaks once that ends. */
  | { readonly type: 'drop' }
  /** Nothing comes through; what was sent meanwhile arrives late, when that ends. */
  | { readonly type: 'hold' }
  | { readonly type: 'slow'; readonly delayMs: number; readonly bytesPerSecond: number }

/** With this much waiting, the sender is not read from any more: it feels the back-pressure. */
const WAITING_BYTES_MAX = 1024 * 1024

const AT_ONCE = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY }

interface Waiting {
  readonly chunk: Buffer
  /** On this process's clock; Infinity while it is held. */
  dueAt: number
}

export class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #weather: () => Weather | undefined
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0
  #departedAt = 0
  #lastDueAt = 0
  #timer: NodeJS.Timeout | undefined
  #hasLost = false

  constructor(from: Socket, to: Socket, weather: () => Weather | undefined) {
    this.#from = from
    this.#to = to
    this.#weather = weather
  }

  /** Bytes are missing in the middle. */
  get hasLost(): boolean {
    return this.#hasLost
  }

  get isBlocked(): boolean {
    const weather = this.#weather()
    return weather?.type === 'drop' || weather?.type === 'hold'
  }

  take(chunk: Buffer): void {
    const weather = this.#weather()
    if (weather?.type === 'drop') {
      this.#hasLost = true
      return
    }
    if (weather === undefined && this.#waiting.length === 0) {
      if (!this.#to.write(chunk)) this.#pauseUntilDrained()
      return
    }
    this.#waiting.push({ chunk, dueAt: this.#dueAt(weather, chunk.length) })
    this.#waitingBytes += chunk.length
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#from.pause()
    this.#pump()
  }

  /** The weather has changed: what was held is due. */
  wake(): void {
    if (this.isBlocked) return
    for (const each of this.#waiting) if (each.dueAt === Number.POSITIVE_INFINITY) each.dueAt = performance.now()
    this.#pump()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#waiting.length = 0
  }

  /** One after the other onto a line of so many bytes a second, then as long as the line is; never before what was sent earlier. */
  #dueAt(weather: Weather | undefined, bytes: number): number {
    if (weather?.type === 'hold') return Number.POSITIVE_INFINITY
    const now = performance.now()
    const { delayMs, bytesPerSecond } = weather?.type === 'slow' ? weather : AT_ONCE
    this.#departedAt = Math.max(now, this.#departedAt) + (bytes / bytesPerSecond) * 1000
    this.#lastDueAt = Math.max(this.#lastDueAt, this.#departedAt + delayMs)
    return this.#lastDueAt
  }

  #pump(): void {
    clearTimeout(this.#timer)
    const now = performance.now()
    for (let head = this.#waiting[0]; head !== undefined && head.dueAt <= now; head = this.#waiting[0]) {
      this.#waiting.shift()
      this.#waitingBytes -= head.chunk.length
      this.#to.write(head.chunk)
    }
    if (this.#waitingBytes <= WAITING_BYTES_MAX) this.#from.resume()
    const next = this.#waiting[0]
    if (next !== undefined && next.dueAt < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#pump(), Math.ceil(next.dueAt - now))
  }

  #pauseUntilDrained(): void {
    this.#from.pause()
    this.#to.once('drain', () => this.#from.resume())
  }
}
