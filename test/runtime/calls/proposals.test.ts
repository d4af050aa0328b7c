import assert from 'node:assert/strict'
import type { Clock } from '../../../src/contracts/clock.ts'
import type { BlockBody } from '../../../src/contracts/encoded-block.ts'
import type { Input } from '../../../src/core/inputs.ts'
import { RaftError } from '../../../src/errors.ts'
import { completeBlock, payloadsOf } from '../../../src/log-format/block.ts'
import { Proposals } from '../../../src/runtime/calls/proposals.ts'
import { Meters } from '../../../src/runtime/meters.ts'

describe('proposals', () => {
  it('of one turn are passed to the core in as few blocks as the limits allow', () => {
    const fixture = new Fixture({ blockEntriesMax: 3, blockBytesMax: 10 })
    for (const text of ['a', 'b', 'c', 'd', '12345678', '123', 'long enough to exceed it alone'])
      void fixture.propose(text)
    assert.deepEqual(fixture.collect(), ['a b c', 'd 12345678', '123', 'long enough to exceed it alone'])
    assert.deepEqual(fixture.collect(), [])
  })

  it('resolve with their own result when their block is applied', async () => {
    const fixture = new Fixture()
    const ends = [fixture.propose('a'), fixture.propose('b')]
    fixture.collect()
    fixture.proposals.accepted(1, 5, 2)
    const batch = fixture.proposals.takeBatch(5, 2, 2)
    assert.ok(batch)
    fixture.proposals.resolve(batch, 0, 'A', 0)
    fixture.proposals.resolve(batch, 1, 'B', 0)
    assert.deepEqual(await Promise.all(ends), ['A', 'B'])
    assert.equal(fixture.proposals.count, 0)
  })

  it('do not match a block that another node proposed', () => {
    assert.equal(new Fixture().proposals.takeBatch(1, 3, 1), undefined)
  })

  for (const { applied, is } of [
    { applied: [5, 1, 3], is: 'overwritten' },
    { applied: [4, 3, 3], is: 'overwritten' },
    { applied: [1, 1, 3], is: 'overwritten' },
    { applied: [4, 1, 2], is: 'still pending' },
    { applied: [1, 4, 1], is: 'still pending' },
  ] as const) {
    const [first, count, term] = applied
    it(`accepted at index 5 in term 2 are ${is} when [${first}, ${first + count}) of term ${term} is applied`, async () => {
      const fixture = new Fixture()
      const end = fixture.codeOf(fixture.propose('a'))
      fixture.collect()
      fixture.proposals.accepted(1, 5, 2)
      assert.equal(fixture.proposals.takeBatch(first, count, term), undefined)
      assert.equal(fixture.proposals.count, is === 'still pending' ? 1 : 0)
      if (is === 'overwritten') assert.equal(await end, 'ERR_RAFT_ENTRY_OVERWRITTEN not-applied')
    })
  }

  it('are rejected as unknown when a snapshot replaces their log entry, and not before', async () => {
    const fixture = new Fixture()
    const end = fixture.codeOf(fixture.propose('a'))
    fixture.collect()
    fixture.proposals.accepted(1, 5, 2)
    fixture.proposals.onSnapshotInstalled(4)
    assert.equal(fixture.proposals.count, 1)
    fixture.proposals.onSnapshotInstalled(5)
    assert.equal(await end, 'ERR_RAFT_OUTCOME_UNKNOWN unknown')
  })

  // Index 20 of term 1 was accepted first, then this node led again with a shorter log.
  it('are rejected as unknown when a snapshot replaces their log entry, though an earlier one has a higher index', async () => {
    const fixture = new Fixture()
    const earlier = fixture.codeOf(fixture.propose('a'))
    fixture.collect()
    fixture.proposals.accepted(1, 20, 1)
    const later = fixture.codeOf(fixture.propose('b'))
    fixture.collect()
    fixture.proposals.accepted(2, 9, 3)
    fixture.proposals.onSnapshotInstalled(15)
    assert.equal(await later, 'ERR_RAFT_OUTCOME_UNKNOWN unknown')
    assert.equal(fixture.proposals.takeBatch(16, 1, 4), undefined)
    assert.equal(await earlier, 'ERR_RAFT_ENTRY_OVERWRITTEN not-applied')
  })

  it('are rejected at their deadline: as not applied while queued, as unknown once in the log', async () => {
    const fixture = new Fixture()
    const accepted = fixture.codeOf(fixture.propose('a', 100))
    fixture.collect()
    fixture.proposals.accepted(1, 5, 2)
    const queued = fixture.codeOf(fixture.propose('b', 200))
    assert.equal(fixture.proposals.sweep(99), 100)
    assert.equal(fixture.proposals.sweep(100), 200)
    assert.equal(fixture.proposals.sweep(250), Number.POSITIVE_INFINITY)
    assert.deepEqual(await Promise.all([accepted, queued]), [
      'ERR_RAFT_OUTCOME_UNKNOWN unknown',
      'ERR_RAFT_TIMEOUT not-applied',
    ])
    assert.deepEqual(fixture.collect(), [])
  })

  it('that time out do not affect other proposals of their block', async () => {
    const fixture = new Fixture()
    const early = fixture.codeOf(fixture.propose('a', 100))
    const late = fixture.propose('b', 1000)
    fixture.collect()
    fixture.proposals.accepted(1, 5, 2)
    fixture.proposals.sweep(500)
    const batch = fixture.proposals.takeBatch(5, 2, 2)
    assert.ok(batch)
    fixture.proposals.resolve(batch, 0, 'A', 0)
    fixture.proposals.resolve(batch, 1, 'B', 0)
    assert.deepEqual([await early, await late], ['ERR_RAFT_OUTCOME_UNKNOWN unknown', 'B'])
  })

  it('are all rejected when the node closes', async () => {
    const fixture = new Fixture()
    const accepted = fixture.codeOf(fixture.propose('a'))
    fixture.collect()
    fixture.proposals.accepted(1, 5, 2)
    const queued = fixture.codeOf(fixture.propose('b'))
    fixture.proposals.close('the node was closed')
    assert.deepEqual(await Promise.all([accepted, queued]), [
      'ERR_RAFT_OUTCOME_UNKNOWN unknown',
      'ERR_RAFT_CLOSED not-applied',
    ])
    assert.equal(fixture.proposals.count, 0)
  })

  it('are limited in number and bytes while pending', async () => {
    const fixture = new Fixture({ pendingProposalsMax: 2, pendingProposalBytesMax: 10 })
    const first = fixture.codeOf(fixture.propose('12345'))
    assert.equal(fixture.proposals.checkCapacity(5), undefined)
    assert.deepEqual(fixture.proposals.checkCapacity(6)?.details, {
      limit: 'pendingProposalBytesMax',
      value: 11,
      max: 10,
    })
    void fixture.codeOf(fixture.propose('1'))
    assert.equal(fixture.proposals.checkCapacity(1)?.details.limit, 'pendingProposalsMax')
    fixture.collect()
    fixture.proposals.rejected(1, new RaftError('ERR_RAFT_NO_LEADER', 'no leader is known'), undefined)
    assert.equal(await first, 'ERR_RAFT_NO_LEADER not-applied')
    assert.equal(fixture.proposals.checkCapacity(10), undefined)
  })

  it('are removed after their deadline although their block is never applied', () => {
    const fixture = new Fixture()
    for (let number = 1; number <= 300; number++) {
      void fixture.codeOf(fixture.propose('a', 10))
      fixture.collect()
      fixture.proposals.accepted(number, number, 1)
      fixture.proposals.sweep(10)
      assert.equal(fixture.proposals.takeBatch(number, 1, 1), undefined)
    }
  })

  it('tries those that wait for a leader again, in their order', async () => {
    const fixture = new Fixture()
    const first = fixture.propose('a', 1000, true)
    assert.deepEqual(fixture.collect(), ['a'])
    fixture.proposals.rejected(1, new RaftError('ERR_RAFT_NO_LEADER', 'no leader is known'), 'leader')
    const second = fixture.propose('b', 1000, true)
    assert.deepEqual(fixture.collect(), [], 'none is tried before the time has passed')
    fixture.retry()
    assert.deepEqual(fixture.collect(), ['a b'])
    fixture.proposals.accepted(2, 7, 1)
    const batch = fixture.proposals.takeBatch(7, 2, 1)
    assert.ok(batch !== undefined)
    for (const [offset, result] of ['A', 'B'].entries()) fixture.proposals.resolve(batch, offset, result, 0)
    assert.deepEqual(await Promise.all([first, second]), ['A', 'B'])
  })

  it('rejects those that wait for a leader at their deadline: no leader was known, and nothing was appended', async () => {
    const fixture = new Fixture()
    const waiting = fixture.codeOf(fixture.propose('a', 500, true))
    fixture.collect()
    fixture.proposals.rejected(1, new RaftError('ERR_RAFT_NO_LEADER', 'no leader is known'), 'leader')
    fixture.proposals.sweep(500)
    assert.equal(await waiting, 'ERR_RAFT_NO_LEADER not-applied')
    fixture.retry()
    assert.deepEqual(fixture.collect(), [])
    assert.equal(fixture.proposals.count, 0)
  })

  for (const { why, reject } of [
    { why: 'its outcome is unknown', reject: (proposals: Proposals<unknown>) => proposals.unknown(1) },
    {
      why: 'too much is being forwarded',
      reject: (proposals: Proposals<unknown>) =>
        proposals.rejected(1, new RaftError('ERR_RAFT_OVERLOADED', 'too much'), 'capacity'),
    },
  ])
    it(`tries a command of a session again after a pause, and not at once, if ${why}`, () => {
      const fixture = new Fixture()
      void fixture.propose('a', 1000, false, true)
      fixture.collect()
      reject(fixture.proposals)
      void fixture.propose('b')
      assert.deepEqual(fixture.collect(), ['b'])
      fixture.retry()
      assert.deepEqual(fixture.collect(), ['a'])
    })

  it('rejects those that do not wait for a leader at once, while others wait', async () => {
    const fixture = new Fixture()
    void fixture.propose('a', 1000, true)
    fixture.collect()
    fixture.proposals.rejected(1, new RaftError('ERR_RAFT_NO_LEADER', 'no leader is known'), 'leader')
    const impatient = fixture.codeOf(fixture.propose('b'))
    assert.deepEqual(fixture.collect(), ['b'])
    fixture.proposals.rejected(2, new RaftError('ERR_RAFT_NO_LEADER', 'no leader is known'), 'leader')
    assert.equal(await impatient, 'ERR_RAFT_NO_LEADER not-applied')
  })
})

class Fixture {
  readonly proposals: Proposals<unknown>
  #retry: (() => void) | undefined

  constructor(limits = {}) {
    const defaults = {
      blockEntriesMax: 100,
      blockBytesMax: 1000,
      pendingProposalsMax: 1000,
      pendingProposalBytesMax: 10_000,
    }
    const clock: Clock = {
      now: () => 0,
      wakeAt: (_, callback) => {
        this.#retry = callback
        return { cancel: () => undefined }
      },
      defer: () => undefined,
    }
    this.proposals = new Proposals<unknown>(
      { ...defaults, ...limits },
      { clock, meters: new Meters(), onApplied: () => undefined, wake: () => undefined },
    )
  }

  /** The time after which proposals that found no leader are tried again has passed. */
  retry(): void {
    this.#retry?.()
  }

  propose(text: string, deadline = 1000, retryWithoutLeader = false, isEnveloped = false): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const command = Buffer.from(text)
      const call = { startedAt: 0, deadline, signal: undefined, resolve, reject }
      this.proposals.add({ command, isEnveloped, expectTerm: undefined, retryWithoutLeader, forward: true, ...call })
    })
  }

  /** The blocks passed to the core. */
  collect(): string[] {
    const inputs: Input[] = []
    this.proposals.collectInputs((input) => inputs.push(input))
    return inputs.map((input) => {
      if (input.type !== 'propose') return ''
      return payloadsOf(completeBlock(1, 1, input.payload as BlockBody))
        .map((command) => Buffer.from(command).toString())
        .join(' ')
    })
  }

  async codeOf(end: Promise<unknown>): Promise<string> {
    const error = await end.then(
      () => undefined,
      (reason: RaftError) => reason,
    )
    return `${error?.code} ${error?.outcome}`
  }
}
