import assert from 'node:assert/strict'
import { RUNTIME_DEFAULTS } from '../../../src/runtime/options.ts'
import { SnapshotPolicy } from '../../../src/runtime/snapshots/snapshot-policy.ts'

const MiB = 1024 * 1024

describe('a snapshot', () => {
  let policy: SnapshotPolicy
  const isDue = (applied: { entries?: number; blocks?: number; bytes?: number }, size = 0, now = 0): boolean =>
    policy.isDue({ entries: 1, blocks: 1, bytes: 0, ...applied }, size, now)

  beforeEach(() => {
    policy = new SnapshotPolicy(RUNTIME_DEFAULTS)
  })

  it('is due after many entries, blocks or bytes', () => {
    assert.ok(isDue({ entries: 1_000_000 }) && !isDue({ entries: 999_999 }))
    assert.ok(isDue({ blocks: 100_000 }) && !isDue({ blocks: 99_999 }))
    assert.ok(isDue({ bytes: 64 * MiB }) && !isDue({ bytes: 64 * MiB - 1 }))
    assert.ok(!isDue({ entries: 0, blocks: 0, bytes: 0 }))
  })

  it('of a large state waits until the log is several times larger, up to a limit', () => {
    assert.ok(!isDue({ bytes: 400 * MiB - 1 }, 100 * MiB) && isDue({ bytes: 400 * MiB }, 100 * MiB))
    assert.ok(!isDue({ bytes: 1023 * MiB }, 500 * MiB) && isDue({ bytes: 1024 * MiB }, 500 * MiB))
  })

  it('never writes more bytes than were applied since the last', () => {
    assert.ok(!isDue({ entries: 1e9, blocks: 1e9, bytes: 5000 * MiB - 1 }, 5000 * MiB))
    assert.ok(isDue({ bytes: 5000 * MiB }, 5000 * MiB))
  })

  it('waits several times as long as the last one took, but not once the log is too large', () => {
    policy.onTaken(1000, 50_000)
    assert.ok(!isDue({ bytes: 1000 * MiB }, 0, 58_999))
    assert.ok(isDue({ bytes: 1000 * MiB }, 0, 59_000))
    assert.ok(isDue({ bytes: 1024 * MiB }, 0, 51_000))
  })

  it('on a disk short of space does not wait, but has to fit', () => {
    policy.onTaken(1000, 50_000)
    const isDueAt = (bytes: number, free: number): boolean =>
      policy.isDue({ entries: 1, blocks: 1, bytes }, 100 * MiB, 51_000, free)
    assert.ok(isDueAt(100 * MiB, 100 * MiB))
    assert.ok(!isDueAt(100 * MiB - 1, 100 * MiB) && !isDueAt(100 * MiB, 100 * MiB - 1))
  })
})
