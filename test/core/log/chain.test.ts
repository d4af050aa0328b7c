import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Block } from '../../../src/core/index.ts'
import { chainAfter, chainAtBase, chainBefore, chainProblem, checksumOf } from '../../../src/core/log/chain.ts'
import { RaftLog } from '../../../src/core/log/raft-log.ts'
import { logs } from '../arbitraries.ts'
import { blocksOf, membershipBlock, membershipOf, noopBlock, snapshotAt } from '../builders.ts'

const CHAIN = fc.integer({ min: 0, max: 2 ** 32 - 1 })

function blocks(): fc.Arbitrary<Block> {
  const place = fc.integer({ min: 1, max: 2 ** 52 })
  return fc
    .record({ first: place, term: place, count: fc.integer({ min: 1, max: 1000 }), checksum: CHAIN })
    .map((head) => ({ ...head, size: 1, kind: 'commands' }))
}

describe('the hash chain', () => {
  it('leads back to the chain before a block', () => {
    fc.assert(
      fc.property(CHAIN, blocks(), (before, block) => {
        const after = chainAfter(before, block)
        assert.ok(Number.isInteger(after) && after >= 0 && after < 2 ** 32)
        assert.equal(chainBefore(after, block), before)
      }),
    )
  })

  it('depends on everything in a block, and on everything before it', () => {
    const block: Block = { first: 5, term: 3, count: 2, size: 20, kind: 'commands', checksum: 9 }
    const changes: Partial<Block>[] = [
      { first: 5 + 2 ** 32 },
      { term: 4 },
      { term: 3 + 2 ** 32 },
      { count: 3 },
      { checksum: 8 },
    ]
    const chains = changes.map((change) => chainAfter(1, { ...block, ...change }))
    assert.equal(
      new Set([...chains, chainAfter(1, block), chainAfter(2, block), chainAfter(1, noopBlock(5, 3))]).size,
      8,
    )
  })

  it('is the same for a membership of the same content, and another one if any field differs', () => {
    const membership = membershipOf('a b +c')
    const [first, ...rest] = membership.members
    const reordered = {
      learners: ['c'],
      outgoing: [],
      voters: ['a', 'b'],
      members: membership.members.map((member) => ({ ...member })),
    }
    const of = (value: typeof membership): number => checksumOf(membershipBlock(1, 1, value))
    assert.equal(of(reordered), of(membership))
    assert.equal(
      of({
        ...membership,
        members: membership.members.map((member) => ({ ...member, hasLostEntries: false, boot: undefined })),
      }),
      of(membership),
    )
    for (const change of [
      { id: 'x' },
      { address: 'b' },
      { directoryId: 'd' },
      { boot: { number: 1, id: 'b' } },
      { hasLostEntries: true },
      { addedAt: 7 },
      { promote: true },
    ])
      assert.notEqual(
        of({ ...membership, members: [{ ...(first as (typeof membership.members)[number]), ...change }, ...rest] }),
        of(membership),
        JSON.stringify(change),
      )
    assert.notEqual(of({ ...membership, voters: ['a'] }), of(membership))
  })

  it('of a log that is compacted, truncated and recovered from its snapshot is that of the whole log', () => {
    fc.assert(
      fc.property(logs(), fc.nat(), fc.nat(), (list, snapshotPlace, basePlace) => {
        const whole = new RaftLog(undefined, list)
        const ends = [0, ...list.map(({ first, count }) => first + count - 1)]
        const index = ends[snapshotPlace % ends.length] as number
        const base = ends[basePlace % ((snapshotPlace % ends.length) + 1)] as number
        const chain = whole.chainAt(index) as number
        const snapshot = { ...snapshotAt(`${index}@1`, membershipOf('a')), chain }
        const kept = list.filter(({ first }) => first > base)
        const recovered = new RaftLog(index === 0 ? undefined : snapshot, kept)
        whole.commitTo(index)
        whole.snapshot = snapshot
        whole.compactTo(base)
        for (const end of ends) {
          assert.equal(recovered.chainAt(end), end < base ? undefined : whole.chainAt(end))
          if (end >= base) assert.equal(typeof recovered.chainAt(end), 'number')
        }
        assert.equal(chainAtBase(index === 0 ? undefined : snapshot, kept), whole.chainAt(base))
      }),
    )
  })

  it('tells a log that does not lead to its snapshot', () => {
    const list = blocksOf('1 1 2')
    const snapshot = {
      ...snapshotAt('2@1', membershipOf('a')),
      chain: new RaftLog(undefined, list).chainAt(2) as number,
    }
    assert.equal(chainProblem(snapshot, list), undefined)
    const [first, ...rest] = list
    assert.match(chainProblem(snapshot, [{ ...(first as Block), checksum: 8 }, ...rest]) ?? '', /entries up to 2/)
  })
})
