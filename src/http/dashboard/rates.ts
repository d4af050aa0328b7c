/** How much a node did, and how long it took, between two statuses: a Meter with percentiles. */
import type { Meter } from '../../contracts/meter.ts'
import type { ErrorCode } from '../../errors.ts'

/** Durations in milliseconds; undefined if there was nothing to measure. */
export interface Rates {
  readonly periodMs: number
  /** Proposals made at this node that were applied, and those that were rejected. */
  readonly proposals: number
  readonly rejected: number
  readonly reads: number
  readonly proposalMs: Percentiles | undefined
  readonly readMs: Percentiles | undefined
  /** Of the durable writes of the log. */
  readonly writeMs: Percentiles | undefined
  readonly writtenBytes: number
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

export class RateMeter implements Meter {
  readonly #durationsMax: number
  #since: number
  #proposals = 0
  #rejected = 0
  #reads = 0
  #writes = 0
  #writtenBytes = 0
  #proposalMs: number[] = []
  #readMs: number[] = []
  #writeMs: number[] = []

  /** `now` is in monotonic milliseconds. */
  constructor(durationsMax: number, now: number) {
    this.#durationsMax = durationsMax
    this.#since = now
  }

  proposal(ms: number, code: ErrorCode | undefined): void {
    if (code !== undefined) this.#rejected++
    else this.#keep(this.#proposalMs, ms, this.#proposals++)
  }

  read(_: string, ms: number, code: ErrorCode | undefined): void {
    if (code === undefined) this.#keep(this.#readMs, ms, this.#reads++)
  }

  write(ms: number, bytes: number): void {
    this.#writtenBytes += bytes
    this.#keep(this.#writeMs, ms, this.#writes++)
  }

  stage(): void {}

  readRound(): void {}

  apply(): void {}

  /** What was measured since the last call. */
  take(now: number): Rates {
    const rates = {
      periodMs: now - this.#since,
      ...{ proposals: this.#proposals, rejected: this.#rejected, reads: this.#reads },
      proposalMs: percentiles(this.#proposalMs),
      readMs: percentiles(this.#readMs),
      writeMs: percentiles(this.#writeMs),
      writtenBytes: this.#writtenBytes,
    }
    this.#since = now
    this.#proposals = this.#rejected = this.#reads = this.#writes = this.#writtenBytes = 0
    this.#proposalMs = []
    this.#readMs = []
    this.#writeMs = []
    return rates
  }

  /** Keeps the newest: after so many, a duration replaces the oldest one. */
  #keep(durations: number[], ms: number, count: number): void {
    durations[count % this.#durationsMax] = ms
  }
}

function percentiles(durations: number[]): Percentiles | undefined {
  if (durations.length === 0) return undefined
  const sorted = durations.sort((one, other) => one - other)
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] as number
  return { p50: at(0.5), p99: at(0.99) }
}
