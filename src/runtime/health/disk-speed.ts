/** Measures how long durable writes take on this node, without the pauses of its event loop, and reports a slow disk. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import { RecentMax } from '../../core/recent-max.ts'
import type { Instant } from '../../core/types.ts'
import type { Alarms } from './alarms.ts'

export interface DiskSpeedParts {
  readonly clock: Clock
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>
  /** From here on a write is slow; 0 disables the alarm and the transfer. */
  readonly slowDiskMs: number
  /** How long writes have been slow before the disk counts as slow, and how long they have been fast before it no longer does. */
  readonly periodMs: number
  /** The time of a durable write, in whole milliseconds, has changed. */
  readonly onTimed: (writeMs: number) => void
  /** Called at a slow write while the disk counts as slow, at most once a second: this node may have become leader since the last call. */
  readonly onSlow: () => void
}

/** The median of this many writes counts, so that single slow ones do not. */
const WRITES = 5

/** While a write is in progress, time is read this often. A longer gap is a pause of the event loop, and counts only up to this. */
const TICK_MS = 50

/** While no write is in progress; also how often `onSlow` is called. */
const CHECK_MS = 1000

/** `slowestMs` is that of one to two of these. */
const SLOWEST_MS = 10_000

/** Smaller changes are not reported; while a write is in progress, neither are those below this fraction of the last report. */
const CHANGE_MIN_MS = 10
const GROWTH_MIN_FRACTION = 0.25

/** Below this fraction of `slowDiskMs` a write is fast again, so that the state does not flap. */
const RECOVERY_FRACTION = 0.5

/** Of a few numbers, without a copy of them: it is needed for each write. */
function medianOf(numbers: readonly number[]): number {
  const rank = numbers.length >> 1
  for (const candidate of numbers) {
    let below = 0
    let equal = 0
    for (const other of numbers) {
      if (other < candidate) below++
      else if (other === candidate) equal++
    }
    if (below <= rank && rank < below + equal) return candidate
  }
  return 0
}

export class DiskSpeed {
  readonly #parts: DiskSpeedParts
  readonly #times: number[] = []
  readonly #slowest = new RecentMax(SLOWEST_MS)
  #isWriting = false
  /** How long the write in progress has taken. */
  #elapsedMs = 0
  #countedUntil: Instant = 0
  #reportedMs = 0
  /** Since when all measurements were slow, or all were fast again. */
  #slowSince: Instant | undefined
  #fastSince: Instant | undefined
  #isSlow = false
  #calledAt: Instant = Number.NEGATIVE_INFINITY
  #timer: { readonly at: Instant; readonly timer: Timer } | undefined
  #isStopped = false

  constructor(parts: DiskSpeedParts) {
    this.#parts = parts
  }

  /** How long the slowest recent write took, in milliseconds. */
  get slowestMs(): number {
    return this.#slowest.at(this.#parts.clock.now())
  }

  /** How long the write in progress has taken, in milliseconds. */
  get pendingMs(): number | undefined {
    return this.#isWriting ? this.#elapsedMs : undefined
  }

  /** A durable write begins. At most one is in progress. */
  begin(): void {
    this.#isWriting = true
    this.#elapsedMs = 0
    this.#countedUntil = this.#parts.clock.now()
    this.#arm(TICK_MS)
  }

  /** The write is durable. Returns how long it took, in milliseconds; undefined if none was in progress. */
  end(): number | undefined {
    if (!this.#isWriting) return undefined
    this.#count()
    this.#isWriting = false
    this.#times.push(this.#elapsedMs)
    this.#slowest.add(this.#parts.clock.now(), this.#elapsedMs)
    if (this.#times.length > WRITES) this.#times.shift()
    this.#update()
    const tookMs = this.#elapsedMs
    this.#elapsedMs = 0
    return tookMs
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.timer.cancel()
    this.#timer = undefined
  }

  #count(): void {
    const now = this.#parts.clock.now()
    this.#elapsedMs += Math.min(now - this.#countedUntil, TICK_MS)
    this.#countedUntil = now
  }

  /** The median of the recent writes, or the age of the one in progress if that is slow already. */
  get #writeMs(): number {
    const median = medianOf(this.#times)
    const isLate = this.#isWriting && this.#elapsedMs >= this.#parts.slowDiskMs
    return Math.round(isLate ? Math.max(median, this.#elapsedMs) : median)
  }

  #update(): void {
    const { clock, slowDiskMs, periodMs } = this.#parts
    if (this.#isStopped || slowDiskMs === 0) return
    const now = clock.now()
    const writeMs = this.#writeMs
    this.#slowSince = writeMs >= slowDiskMs ? (this.#slowSince ?? now) : undefined
    this.#fastSince = writeMs < slowDiskMs * RECOVERY_FRACTION ? (this.#fastSince ?? now) : undefined
    this.#report(writeMs)
    // An old measurement is no reason to act: the disk may have recovered while nothing was written.
    const isSlowNow = this.#elapsedMs >= slowDiskMs
    if (isSlowNow && this.#slowSince !== undefined && now - this.#slowSince >= periodMs) this.#onSlow(now, writeMs)
    else if (this.#isSlow && this.#fastSince !== undefined && now - this.#fastSince >= periodMs) {
      this.#isSlow = false
      this.#parts.alarms.clear('DISK_SLOW')
    }
    if (this.#slowSince !== undefined || this.#isSlow) this.#arm(CHECK_MS)
  }

  #report(writeMs: number): void {
    const change = Math.abs(writeMs - this.#reportedMs)
    if (change < CHANGE_MIN_MS || (this.#isWriting && change < this.#reportedMs * GROWTH_MIN_FRACTION)) return
    this.#reportedMs = writeMs
    this.#parts.onTimed(writeMs)
  }

  #onSlow(now: Instant, writeMs: number): void {
    const { alarms, slowDiskMs, onSlow } = this.#parts
    this.#isSlow = true
    const message = `a durable write takes ${writeMs} ms, from ${slowDiskMs} ms on it is slow; find out what slows the disk down, or replace it`
    alarms.raise({ code: 'DISK_SLOW', message, details: { writeMs, slowDiskMs } })
    if (now - this.#calledAt < CHECK_MS) return
    this.#calledAt = now
    onSlow()
  }

  /** Ticks at the latest in `delayMs`. */
  #arm(delayMs: number): void {
    const { clock, slowDiskMs } = this.#parts
    const at = clock.now() + delayMs
    if (this.#isStopped || slowDiskMs === 0 || (this.#timer !== undefined && this.#timer.at <= at)) return
    this.#timer?.timer.cancel()
    this.#timer = { at, timer: clock.wakeAt(at, () => this.#onTick()) }
  }

  #onTick(): void {
    this.#timer = undefined
    if (this.#isWriting) {
      this.#count()
      this.#arm(TICK_MS)
    }
    this.#update()
  }
}
