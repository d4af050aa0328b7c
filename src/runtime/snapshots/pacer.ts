/** Limits the bytes per second of all snapshots that a node sends: the log needs the processor, the network and the disk too. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Instant } from '../../core/types.ts'
import type { AdaptivePace } from './adaptive-pace.ts'

/** Large chunks are sent in parts, so that the receiver never waits for long. */
const PARTS_PER_SECOND = 10
/** The first bytes of a transfer are too few to slow the node down, and need no pace chosen for them. */
const FREE_BYTES = 1024 * 1024
/** Timers come late, and so does the next chunk: up to so much of the time lost is made up for. */
const LATE_MAX_MS = 50

export class Pacer {
  readonly #bytesPerSecondMax: number
  readonly #adaptive: AdaptivePace
  readonly #clock: Pick<Clock, 'now' | 'wakeAt'>
  /** When everything that was taken so far has had its time. */
  #freeAt: Instant = Number.NEGATIVE_INFINITY
  readonly #waits = new Map<Timer, () => void>()
  #isStopped = false

  /** At the pace of `adaptive`, and never above a maximum that is not 0. */
  constructor(bytesPerSecondMax: number, adaptive: AdaptivePace, clock: Pick<Clock, 'now' | 'wakeAt'>) {
    this.#bytesPerSecondMax = bytesPerSecondMax === 0 ? Number.POSITIVE_INFINITY : bytesPerSecondMax
    this.#adaptive = adaptive
    this.#clock = clock
  }

  /** The same bytes, each part after those before it have had their time. */
  async *pace(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    let freeBytes = FREE_BYTES
    for await (const chunk of chunks)
      for (let from = 0; from < chunk.length; ) {
        const isFree = freeBytes > 0
        const part = chunk.subarray(from, from + this.#partBytes(isFree))
        await this.#take(part.length, isFree)
        freeBytes -= part.length
        from += part.length
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

  #rate(isFree: boolean): number {
    return isFree ? this.#bytesPerSecondMax : Math.min(this.#bytesPerSecondMax, this.#adaptive.bytesPerSecond)
  }

  #partBytes(isFree: boolean): number {
    return Math.ceil(this.#rate(isFree) / PARTS_PER_SECOND)
  }

  /** Waits for the time of these bytes, which is after that of all bytes that were taken before. */
  #take(bytes: number, isFree: boolean): Promise<void> {
    const now = this.#clock.now()
    const resumedAt = isFree ? now : this.#adaptive.nextAt(now)
    const at = Math.max(this.#freeAt, resumedAt > now ? resumedAt : now - LATE_MAX_MS)
    this.#freeAt = at + (1000 * bytes) / this.#rate(isFree)
    if (!isFree) this.#adaptive.onSent(bytes, Math.max(at, now))
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
