/**
 * Chooses how fast snapshots are sent beside writes: as fast as the commands that this node proposes take no longer than a few times as long as
 * without. How long they take without is measured before a transfer, and again in short pauses of it.
 */
import type { Instant } from '../../core/types.ts'

export interface AdaptivePaceOptions {
  /** How many times longer commands may take while snapshots are sent; 0 if the pace does not matter. */
  readonly snapshotSendLatencyFactor: number
  /** In bytes per second: a transfer never gets slower, and so it ends. */
  readonly snapshotSendBytesPerSecondMin: number
}

/** The pace is corrected after each, once a few commands were measured in it. */
const INTERVAL_MS = 250
const SAMPLES_MIN = 4
const SAMPLES_MAX = 256
/** The median stands for the latency of an interval: the slowest of a few commands say more of the machine than of the transfer. */
const PERCENTILE = 0.5
/** A difference as small as this is not felt, and not measured well. */
const SLACK_MS = 1
/** Without a command for so long there is nothing to protect. */
const IDLE_MS = 1000
/** The latency without snapshots is measured again after this time, in a pause that starts once what was sent before has settled. */
const BASELINE_MS = 5000
const SETTLE_MS = 50
const PAUSE_MS = 250
/** So that pauses in a busy time do not raise the baseline step by step. */
const BASELINE_GROWTH = 1.25
const FIRST_BYTES_PER_SECOND = 128 * 1024 * 1024
const SLOWER = 0.75
const FASTER = 1.25
/** Until the pace was too fast once, so that a short transfer also gets what the writes allow. */
const FIRST_INTERVAL_MS = 125
const FASTER_AT_FIRST = 2
/** Above this a pace is no limit. */
const UNLIMITED_BYTES_PER_SECOND = 4 * 1024 * 1024 * 1024

export class AdaptivePace {
  readonly #options: AdaptivePaceOptions
  /** Between transfers, in a pause of one, or sending; since when, and for a pause until when. */
  #phase: { readonly type: 'none' | 'pause' | 'sending'; readonly since: Instant; readonly until: Instant }
  #bytesPerSecond = Number.POSITIVE_INFINITY
  /** In this transfer the pace was too fast. */
  #wasTooFast = false
  #baseline: { readonly ms: number; readonly at: Instant } | undefined
  /** Of this phase or interval, the latest. */
  #samples: number[] = []
  #sampledAt: Instant = Number.NEGATIVE_INFINITY
  #sentAt: Instant = Number.NEGATIVE_INFINITY
  #sentBytes = 0

  constructor(options: AdaptivePaceOptions) {
    this.#options = options
    this.#phase = { type: 'none', since: Number.NEGATIVE_INFINITY, until: Number.NEGATIVE_INFINITY }
  }

  /** The pace now; Infinity for no limit. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  /** A command of this node was applied this long after it was proposed. */
  onApplied(latencyMs: number, now: Instant): void {
    if (this.#options.snapshotSendLatencyFactor === 0) return
    if (this.#phase.type !== 'none' && now - Math.max(this.#sentAt, this.#phase.until) > IDLE_MS)
      this.#enter('none', now)
    if (this.#phase.type === 'pause' && now < this.#phase.since + SETTLE_MS) return
    if (now - this.#sampledAt > IDLE_MS) this.#samples = []
    if (this.#samples.length === SAMPLES_MAX) this.#samples.shift()
    this.#samples.push(latencyMs)
    this.#sampledAt = now
  }

  /** When the next bytes may be sent: now, or at the end of a pause. */
  nextAt(now: Instant): Instant {
    if (this.#options.snapshotSendLatencyFactor === 0) return now
    if (this.#phase.type === 'none') this.#begin(now)
    else if (this.#phase.type === 'pause') this.#continueAfterPause(now)
    else if (now - this.#phase.since >= (this.#wasTooFast ? INTERVAL_MS : FIRST_INTERVAL_MS)) this.#correct(now)
    return Math.max(now, this.#phase.until)
  }

  onSent(bytes: number, now: Instant): void {
    this.#sentAt = now
    this.#sentBytes += bytes
  }

  #begin(now: Instant): void {
    const isBusy = now - this.#sampledAt <= IDLE_MS
    this.#wasTooFast = false
    this.#bytesPerSecond = isBusy ? this.#atLeastMin(FIRST_BYTES_PER_SECOND) : Number.POSITIVE_INFINITY
    const ms = isBusy ? this.#latency() : undefined
    this.#baseline = ms === undefined ? undefined : { ms, at: now }
    this.#enter('sending', now)
  }

  #continueAfterPause(now: Instant): void {
    if (now < this.#phase.until) return
    // With too few commands in a pause, the next one comes as late as after any other.
    const before = this.#baseline?.ms ?? Number.POSITIVE_INFINITY
    this.#baseline = { ms: Math.min(this.#latency() ?? before, before * BASELINE_GROWTH), at: now }
    this.#enter('sending', now)
  }

  /** An interval has ended. */
  #correct(now: Instant): void {
    if (now - this.#sampledAt > IDLE_MS) {
      const faster = this.#bytesPerSecond * 2
      this.#bytesPerSecond = faster > UNLIMITED_BYTES_PER_SECOND ? Number.POSITIVE_INFINITY : faster
      return this.#enter('sending', now)
    }
    const ms = this.#latency()
    if (ms === undefined) return
    if (this.#baseline === undefined || now - this.#baseline.at > BASELINE_MS) return this.#enter('pause', now)
    const sent = (1000 * this.#sentBytes) / (now - this.#phase.since)
    if (ms > this.#options.snapshotSendLatencyFactor * this.#baseline.ms + SLACK_MS) {
      this.#bytesPerSecond = this.#atLeastMin(SLOWER * Math.min(sent, this.#bytesPerSecond))
      this.#wasTooFast = true
    } else if (sent > this.#bytesPerSecond / 2) this.#bytesPerSecond *= this.#wasTooFast ? FASTER : FASTER_AT_FIRST
    this.#enter('sending', now)
  }

  #enter(type: 'none' | 'pause' | 'sending', now: Instant): void {
    this.#phase = { type, since: now, until: type === 'pause' ? now + SETTLE_MS + PAUSE_MS : now }
    this.#samples = []
    this.#sentBytes = 0
  }

  /** Undefined if too few commands were measured. */
  #latency(): number | undefined {
    const { length } = this.#samples
    if (length < SAMPLES_MIN) return undefined
    return this.#samples.toSorted((a, b) => a - b)[Math.floor((length - 1) * PERCENTILE)]
  }

  #atLeastMin(bytesPerSecond: number): number {
    return Math.max(bytesPerSecond, this.#options.snapshotSendBytesPerSecondMin)
  }
}
