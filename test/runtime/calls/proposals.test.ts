import assert from 'node:assert/strict'
import type { Input } from '../../../src/core/inputs.ts'
import { RaftError } from '../../../src/errors.ts'
import { Proposals } from '../../../src/runtime/calls/proposals.ts'

describe('proposals', () => {
  it('of one turn become as few blocks as the limits allow', () => {
    const desk = new Fixture({ blockEntriesMax: 3, blockBytesMax: 10 })
    for (const text of ['a', 'b', 'c', 'd', '12345678', '123', 'long enough to exceed it alone'])
      void desk.propose(text)
    assert.deepEqual(desk.gather(), ['a b c', 'd 12345678', '123', 'long enough to exceed it alone'])
    assert.deepEqual(desk.gather(), [])
  })

  it('are resolved when their block is applied, each with its own result', async () => {
    const desk = new Fixture()
    const ends = [desk.propose('a'), desk.propose('b')]
    desk.gather()
    desk.proposals.accepted(1, 5, 2)
    const batch = desk.proposals.takeBatch(5, 2, 2)
    assert.ok(batch)
    desk.proposals.resolve(batch, 0, 'A')
    desk.proposals.resolve(batch, 1, 'B')
    assert.deepEqual(await Promise.all(ends), ['A', 'B'])
    assert.equal(desk.proposals.count, 0)
  })

  it('of a follower do not match the leader’s blocks', () => {
    assert.equal(new Fixture().proposals.takeBatch(1, 3, 1), undefined)
  })

  for (const { applied, is } of [
    { applied: [5, 1, 3], is: 'overwritten' },
    { applied: [4, 3, 3], is: 'overwritten' },
    { applied: [1, 1, 3], is: 'overwritten' },
    { applied: [4, 1, 2], is: 'waiting' },
    { applied: [1, 4, 1], is: 'waiting' },
  ] as const) {
    const [first, count, term] = applied
    it(`accepted at 5 in term 2 are ${is} when [${first}, ${first + count}) of term ${term} is applied`, async () => {
      const desk = new Fixture()
      const end = desk.codeOf(desk.propose('a'))
      desk.gather()
      desk.proposals.accepted(1, 5, 2)
      assert.equal(desk.proposals.takeBatch(first, count, term), undefined)
      assert.equal(desk.proposals.count, is === 'waiting' ? 1 : 0)
      if (is === 'overwritten') assert.equal(await end, 'ERR_RAFT_ENTRY_OVERWRITTEN not-applied')
    })
  }

  it('are unknown when a snapshot is installed over them, and only then', async () => {
    const desk = new Fixture()
    const end = desk.codeOf(desk.propose('a'))
    desk.gather()
    desk.proposals.accepted(1, 5, 2)
    desk.proposals.onSnapshotInstalled(4)
    assert.equal(desk.proposals.count, 1)
    desk.proposals.onSnapshotInstalled(5)
    assert.equal(await end, 'ERR_RAFT_OUTCOME_UNKNOWN unknown')
  })

  it('end at their deadline: surely not applied while they are queued, unknown once they are in the log', async () => {
    const desk = new Fixture()
    const accepted = desk.codeOf(desk.propose('a', 100))
    desk.gather()
    desk.proposals.accepted(1, 5, 2)
    const queued = desk.codeOf(desk.propose('b', 200))
    assert.equal(desk.proposals.sweep(99), 100)
    assert.equal(desk.proposals.sweep(100), 200)
    assert.equal(desk.proposals.sweep(250), Number.POSITIVE_INFINITY)
    assert.deepEqual(await Promise.all([accepted, queued]), [
      'ERR_RAFT_OUTCOME_UNKNOWN unknown',
      'ERR_RAFT_TIMEOUT not-applied',
    ])
    assert.deepEqual(desk.gather(), [])
  })

  it('that ended early do not disturb the others of their block', async () => {
    const desk = new Fixture()
    const early = desk.codeOf(desk.propose('a', 100))
    const late = desk.propose('b', 1000)
    desk.gather()
    desk.proposals.accepted(1, 5, 2)
    desk.proposals.sweep(500)
    const batch = desk.proposals.takeBatch(5, 2, 2)
    assert.ok(batch)
    desk.proposals.resolve(batch, 0, 'A')
    desk.proposals.resolve(batch, 1, 'B')
    assert.deepEqual([await early, await late], ['ERR_RAFT_OUTCOME_UNKNOWN unknown', 'B'])
  })

  it('are all ended when the node closes', async () => {
    const desk = new Fixture()
    const accepted = desk.codeOf(desk.propose('a'))
    desk.gather()
    desk.proposals.accepted(1, 5, 2)
    const queued = desk.codeOf(desk.propose('b'))
    desk.proposals.close('the node was closed')
    assert.deepEqual(await Promise.all([accepted, queued]), [
      'ERR_RAFT_OUTCOME_UNKNOWN unknown',
      'ERR_RAFT_CLOSED not-applied',
    ])
    assert.equal(desk.proposals.count, 0)
  })

  it('are counted in bytes and number until they end', async () => {
    const desk = new Fixture({ pendingProposalsMax: 2, pendingProposalBytesMax: 10 })
    const first = desk.codeOf(desk.propose('12345'))
    assert.equal(desk.proposals.checkCapacity(5), undefined)
    assert.deepEqual(desk.proposals.checkCapacity(6)?.details, { limit: 'pendingProposalBytesMax', value: 11, max: 10 })
    void desk.codeOf(desk.propose('1'))
    assert.equal(desk.proposals.checkCapacity(1)?.details.limit, 'pendingProposalsMax')
    desk.gather()
    desk.proposals.rejected(1, new RaftError('ERR_RAFT_NO_LEADER', 'nobody'))
    assert.equal(await first, 'ERR_RAFT_NO_LEADER not-applied')
    assert.equal(desk.proposals.checkCapacity(10), undefined)
  })

  it('do not pile up once nobody waits for them any more', () => {
    const desk = new Fixture()
    for (let number = 1; number <= 300; number++) {
      void desk.codeOf(desk.propose('a', 10))
      desk.gather()
      desk.proposals.accepted(number, number, 1)
      desk.proposals.sweep(10)
      assert.equal(desk.proposals.takeBatch(number, 1, 1), undefined)
    }
  })
})

class Fixture {
  readonly proposals: Proposals

  constructor(limits = {}) {
    const none = {
      blockEntriesMax: 100,
      blockBytesMax: 1000,
      pendingProposalsMax: 1000,
      pendingProposalBytesMax: 10_000,
    }
    this.proposals = new Proposals({ ...none, ...limits })
  }

  propose(text: string, deadline = 1000): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const command = Buffer.from(text)
      this.proposals.add({ command, deadline, signal: undefined, wantsLanding: false, resolve, reject })
    })
  }

  /** The blocks that go to the core. */
  gather(): string[] {
    const inputs: Input[] = []
    this.proposals.collectInputs((input) => inputs.push(input))
    return inputs.map((input) => (input.type === 'propose' ? (input.payload as Buffer[]).map(String).join(' ') : ''))
  }

  async codeOf(end: Promise<unknown>): Promise<string> {
    const error = await end.then(
      () => undefined,
      (reason: RaftError) => reason,
    )
    return `${error?.code} ${error?.outcome}`
  }
}
