/** Limits the bytes per second of all snapshots that a node sends: the log needs the network and the disk too. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Instant } from '../../core/types.ts'

/** Large chunks are sent in parts, so that the receiver never waits for long. */
const PARTS_PER_SECOND = 10

export class Pacer {
  readonly #bytesPerSecond: number
  readonly #clock: Pick<Clock, 'now' | 'wakeAt'>
  /** When everything that was taken so far has had its time. */
  #freeAt: Instant = Number.NEGATIVE_INFINITY
  readonly #waits = new Map<Timer, () => void>()
  #isStopped = false

  /** With 0 bytes per second nothing waits. */
  constructor(bytesPerSecond: number, clock: Pick<Clock, 'now' | 'wakeAt'>) {
    this.#bytesPerSecond = bytesPerSecond
    this.#clock = clock
  }

  /** The same bytes, each part after those before it have had their time. */
  async *pace(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#bytesPerSecond === 0) return yield* chunks
    const partBytes = Math.ceil(this.#bytesPerSecond / PARTS_PER_SECOND)
    for await (const chunk of chunks)
      for (let from = 0; from < chunk.length; from += partBytes) {
        const part = chunk.subarray(from, from + partBytes)
        await this.#take(part.length)
        yield part
      }
  }

  /** Nothing waits from now on. */
  stop(): void {
    this.#isStopped = true
    for (const [timer, resolve] of this.#waits) {
      timer.cancel()
      resolve()
    }
    this.#waits.clear()
  }

  /** Waits for the time of these bytes, which is after that of all bytes that were taken before. */
  #take(bytes: number): Promise<void> {
    const now = this.#clock.now()
    const at = Math.max(this.#freeAt, now)
    this.#freeAt = at + (1000 * bytes) / this.#bytesPerSecond
    if (this.#isStopped || at <= now) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#clock.wakeAt(at, () => {
        this.#waits.delete(timer)
        resolve()
      })
      this.#waits.set(timer, resolve)
    })
  }
}
