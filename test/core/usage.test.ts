import assert from 'node:assert/strict'
import {
  type Block,
  bootstrapMembership,
  type InitialState,
  type Input,
  InvariantError,
  RAFT_DEFAULTS,
  Raft,
  type RaftOptions,
  UsageError,
} from '../../src/core/index.ts'
import { isRaftError } from '../../src/errors.ts'
import { blocksOf, followerOf, membershipOf, readyLeaderOf, snapshotAt } from './builders.ts'

const OPTIONS: RaftOptions = { ...RAFT_DEFAULTS, id: 'a', seed: 1 }
const INITIAL: InitialState = {
  hardState: { term: 0, votedFor: undefined, commitIndex: 0 },
  snapshot: undefined,
  blocks: [],
  initialMembership: bootstrapMembership({ a: 'a:1' }),
}

describe('a mistake of the caller', () => {
  for (const [mistake, problem] of [
    [{ electionTimeoutMinMs: -5 }, 'electionTimeoutMinMs must be a whole number of at least 1, not -5'],
    [{ heartbeatIntervalMs: Number.NaN }, 'heartbeatIntervalMs must be a whole number of at least 1, not NaN'],
    [{ inflightMessagesMax: '16' as never }, "inflightMessagesMax must be a whole number of at least 1, not '16'"],
    [{ preVote: 1 as never }, 'preVote must be true or false, not 1'],
    [{ clockDriftMax: 1 }, 'clockDriftMax must be at least 0 and below 1, not 1'],
    [{ clockDriftMax: '0' as never }, "clockDriftMax must be at least 0 and below 1, not '0'"],
    [{ seed: undefined as never }, 'seed is missing'],
    [{ id: '' }, "id must be a non-empty string, not ''"],
    [{ heartbeatMs: 5 } as never, 'heartbeatMs is not an option'],
    [{ electionTimeoutMaxMs: 750 }, 'electionTimeoutMinMs (750) must be below electionTimeoutMaxMs (750)'],
    [{ electionTimeoutLimitMs: 1500 }, 'electionTimeoutLimitMs (1500) must be above electionTimeoutMaxMs (1500), or 0'],
    [{ heartbeatIntervalMs: 300 }, 'electionTimeoutMinMs (750) must be at least 3 x heartbeatIntervalMs (300)'],
    [{ leaseReads: true, checkQuorum: false }, 'leaseReads requires checkQuorum, which a lease depends on'],
  ] satisfies [Partial<RaftOptions>, string][]) {
    it(`in the options is named: ${problem}`, () => {
      const expected = { code: 'ERR_RAFT_OPTIONS', message: `invalid options: ${problem}` }
      assert.throws(() => new Raft({ ...OPTIONS, ...mistake }, INITIAL, 0), expected)
    })
  }

  it('in the options does not hide another one', () => {
    const options = { ...OPTIONS, seed: -1, readTimeoutMs: 0 }
    assert.throws(() => new Raft(options, INITIAL, 0), { message: /: seed must [^;]*; readTimeoutMs must [^;]*$/ })
  })

  const [one, two] = blocksOf('1 1') as [Block, Block]
  for (const [mistake, problem] of [
    [{ blocks: [two] }, 'the log starts at 2, and the snapshot ends at 0'],
    [{ blocks: [one, one] }, 'a block starts at 1, where the log continues at 2'],
    [{ blocks: [{ ...one, count: 0 }] }, 'the block at 1 has 0 entries'],
    [{ blocks: blocksOf('2 1') }, 'the term of the block at 2 is 1, after 2'],
    [{ blocks: blocksOf('4') }, 'hardState.term is 3, and the log has entries of term 4'],
    [
      { snapshot: snapshotAt('5@1', membershipOf('a')), blocks: [one] },
      'the log ends at 1, before the end of the snapshot at 5',
    ],
    [
      { hardState: { term: 0.5, votedFor: undefined, commitIndex: 0 } },
      'hardState.term is 0.5, not a whole number of at least 0',
    ],
    [{ initialMembership: { ...membershipOf('a'), voters: ['x'] } }, 'initialMembership: x is not a member'],
  ] satisfies [Partial<InitialState>, string][]) {
    it(`in the initial state is named: ${problem}`, () => {
      const initial = { ...INITIAL, hardState: { ...INITIAL.hardState, term: 3 }, ...mistake }
      const expected = { code: 'ERR_RAFT_USAGE', message: `the initial state is invalid: ${problem}` }
      assert.throws(() => new Raft(OPTIONS, initial, 0), expected)
    })
  }

  for (const [input, message] of [
    [{ type: 'persisted', number: 99 }, /^write 99 was reported as durable, and the last one requested is \d+$/],
    [{ type: 'persisted', number: Number.NaN }, /^write NaN was reported as durable/],
    [{ type: 'applied', index: 99 }, /^the entries up to 99 were reported as applied, and .* up to 1$/],
    [{ type: 'snapshotTaken', snapshot: snapshotAt('99@2', membershipOf('a')) }, /^the entries up to 99 were/],
    [
      { type: 'propose', proposal: 1, count: 0, size: 0, checksum: 0, payload: undefined },
      /has 0 commands of 0 bytes$/,
    ],
    [{ type: 'propose', proposal: 1, count: 1, size: -1, checksum: 0, payload: undefined }, /has 1 commands of -1 b/],
    [{ type: 'persist', number: 1 } as never, /^there is no input of type "persist"$/],
  ] satisfies [Input, RegExp][]) {
    it(`in the input ${JSON.stringify(input)} is reported, and the step does not happen`, () => {
      const leader = readyLeaderOf('a', { term: 2 })
      const propose = { type: 'propose', proposal: 1, count: 1, size: 1, checksum: 0, payload: undefined } as const
      assert.throws(() => leader.raft.step(leader.now, [propose, input]), { code: 'ERR_RAFT_USAGE', message })
      assert.deepEqual(leader.step().persist?.blocks, undefined)
      assert.equal(leader.propose().settled[0]?.type, 'accepted')
    })
  }

  it('with the time is reported: it runs backwards, or is no number', () => {
    const follower = followerOf('a b c', { term: 2 })
    for (const now of [follower.now - 1, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => follower.raft.step(now, []), { code: 'ERR_RAFT_USAGE', message: /^the time of the step is / })
    assert.throws(() => new Raft(OPTIONS, INITIAL, Number.NaN), { code: 'ERR_RAFT_USAGE' })
  })

  it('with the index of a snapshot is reported', () => {
    const follower = followerOf('a b c', { term: 2, log: '1x2 1', commit: 2 })
    for (const index of [1, 3, 99])
      assert.throws(() => follower.raft.snapshotMetadata(index), {
        code: 'ERR_RAFT_USAGE',
        hint: 'take it after a whole block was applied, from 0 to 2',
      })
    assert.equal(follower.raft.snapshotMetadata(2).term, 1)
  })

  it('has another class and code than a bug, and isRaftError recognizes it', () => {
    assert.throws(
      () => new Raft({ ...OPTIONS, seed: -1 }, INITIAL, 0),
      (error) =>
        error instanceof UsageError && isRaftError(error, 'ERR_RAFT_OPTIONS') && error.outcome === 'not-applied',
    )
    assert.equal(new InvariantError('a claim').code, 'ERR_RAFT_INTERNAL')
  })
})
