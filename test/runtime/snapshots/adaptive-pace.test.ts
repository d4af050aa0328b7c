import assert from 'node:assert/strict'
import { AdaptivePace } from '../../../src/runtime/snapshots/adaptive-pace.ts'

const MIB = 1024 * 1024
const MIN = 8 * MIB
const PART = 256 * 1024

/** Writes take `baseMs`, and more in proportion to the bytes per second that are sent: twice as long at `doubledAt`. */
class Leader {
  now = 0
  baseMs = 2
  isWriting = true
  readonly pace: AdaptivePace
  readonly #doubledAt: number

  constructor(doubledAt: number, snapshotSendLatencyFactor = 2) {
    this.#doubledAt = doubledAt
    this.pace = new AdaptivePace({ snapshotSendLatencyFactor, snapshotSendBytesPerSecondMin: MIN })
  }

  /** Lets time pass without a transfer. */
  idle(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += 5)
      if (this.isWriting) this.pace.onApplied(this.baseMs, this.now)
  }

  /** Sends for so long over a connection that takes 500 MiB/s; returns the bytes per second. */
  send(ms: number): number {
    const start = this.now
    let sent = 0
    for (let wroteAt = start; this.now < start + ms; ) {
      const at = this.pace.nextAt(this.now)
      const isPaused = at > this.now
      const bytesPerSecond = Math.min(this.pace.bytesPerSecond, 500 * MIB)
      const next = isPaused ? at : this.now + (1000 * PART) / bytesPerSecond
      for (; wroteAt < next; wroteAt += 5)
        if (this.isWriting)
          this.pace.onApplied(this.baseMs * (isPaused ? 1 : 1 + bytesPerSecond / this.#doubledAt), wroteAt)
      this.now = next
      if (isPaused) continue
      this.pace.onSent(PART, this.now)
      sent += PART
    }
    return (1000 * sent) / (this.now - start)
  }
}

describe('the adaptive pace of snapshots', () => {
  it('is that of the connection while nothing is written', () => {
    const leader = new Leader(50 * MIB)
    leader.isWriting = false
    leader.idle(1000)
    assert.ok(leader.send(5000) > 490 * MIB)
    assert.equal(leader.pace.bytesPerSecond, Number.POSITIVE_INFINITY)
  })

  it('settles where writes take the given factor longer', () => {
    const leader = new Leader(50 * MIB)
    leader.idle(1000)
    leader.send(10_000)
    const found = leader.send(30_000)
    assert.ok(found > 35 * MIB && found < 80 * MIB, `${found / MIB} MiB/s`)
  })

  it('is that of the connection if writes do not suffer', () => {
    const leader = new Leader(10_000 * MIB)
    leader.idle(1000)
    leader.send(4000)
    assert.ok(leader.send(10_000) > 450 * MIB)
  })

  it('gets there within a second', () => {
    const leader = new Leader(10_000 * MIB)
    leader.idle(1000)
    const found = leader.send(1000)
    assert.ok(found > 300 * MIB, `${found / MIB} MiB/s`)
  })

  it('never falls below the minimum, so that the transfer ends', () => {
    const leader = new Leader(MIB)
    leader.idle(1000)
    const found = leader.send(30_000)
    assert.equal(leader.pace.bytesPerSecond, MIN)
    assert.ok(found > 0.9 * MIN, `${found / MIB} MiB/s`)
  })

  it('falls when writes begin during the transfer, and rises when they end', () => {
    const leader = new Leader(50 * MIB)
    leader.isWriting = false
    leader.send(2000)
    leader.isWriting = true
    leader.send(5000)
    assert.ok(leader.send(5000) < 80 * MIB)
    leader.isWriting = false
    leader.send(4000)
    assert.equal(leader.pace.bytesPerSecond, Number.POSITIVE_INFINITY)
  })

  it('follows a load that makes writes slower without the transfer', () => {
    const leader = new Leader(50 * MIB)
    leader.idle(1000)
    leader.send(10_000)
    leader.baseMs = 10
    leader.send(60_000)
    assert.ok(leader.send(20_000) > 30 * MIB)
  })

  it('is measured again for each transfer', () => {
    const leader = new Leader(MIB)
    leader.idle(1000)
    leader.send(5000)
    leader.idle(5000)
    leader.send(1)
    assert.equal(leader.pace.bytesPerSecond, 128 * MIB)
  })

  it('is no limit with a factor of 0', () => {
    const leader = new Leader(MIB, 0)
    leader.idle(1000)
    assert.ok(leader.send(5000) > 490 * MIB)
  })
})
