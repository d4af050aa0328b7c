import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MembershipHistory } from '../../../src/core/membership/history.ts'
import { membershipOf } from '../builders.ts'

const [FIRST, SECOND, THIRD] = ['a b c', 'a b c d', 'b c d'].map((text) => membershipOf(text)) as [never, never, never]

describe('a membership history', () => {
  it('has the last appended membership in force, committed or not', () => {
    const history = historyOf()
    assert.deepEqual(history.current, { index: 9, membership: THIRD })
  })

  it('returns the membership in force at an index', () => {
    const history = historyOf()
    const indexes = [0, 4, 5, 8, 9, 20].map((index) => history.at(index).index)
    assert.deepEqual(indexes, [0, 0, 5, 5, 9, 9])
  })

  it('reverts as many memberships as a truncation drops', () => {
    const one = historyOf()
    assert.equal(one.truncateAfter(8), true)
    assert.equal(one.current.membership, SECOND)
    const both = historyOf()
    assert.equal(both.truncateAfter(4), true)
    assert.equal(both.current.membership, FIRST)
  })

  it('keeps a membership at the index to truncate after', () => {
    const history = historyOf()
    assert.equal(history.truncateAfter(9), false)
    assert.equal(history.current.index, 9)
  })

  it('never reverts its first membership', () => {
    const history = historyOf()
    history.truncateAfter(0)
    assert.equal(history.current.index, 0)
  })

  it('drops memberships on compaction that no truncation can revert to', () => {
    const history = historyOf()
    history.compactTo(7)
    assert.equal(history.at(0).index, 5)
    history.truncateAfter(0)
    assert.equal(history.current.index, 5)
  })

  it('starts again with the membership of a snapshot', () => {
    const history = historyOf()
    history.reset({ index: 30, membership: SECOND })
    assert.equal(history.at(9).index, 30)
    assert.equal(history.current.index, 30)
  })

  it('rejects memberships out of order', () => {
    assert.throws(() => historyOf().append(9, FIRST), /memberships are appended in order/)
  })

  it('equals a list of all memberships after any appends and truncations', () => {
    const step = fc.record({ isAppend: fc.boolean(), by: fc.integer({ min: 1, max: 5 }) })
    fc.assert(
      fc.property(fc.array(step), fc.nat(60), (steps, probe) => {
        const history = new MembershipHistory({ index: 0, membership: FIRST })
        let list = [{ index: 0, membership: FIRST }]
        for (const { isAppend, by } of steps) {
          const last = list.at(-1)?.index ?? 0
          if (isAppend) {
            history.append(last + by, SECOND)
            list.push({ index: last + by, membership: SECOND })
          } else {
            history.truncateAfter(last - by)
            list = list.filter(({ index }) => index === 0 || index <= last - by)
          }
        }
        assert.deepEqual(history.current, list.at(-1))
        assert.deepEqual(
          history.at(probe),
          list.findLast(({ index }) => index <= probe),
        )
      }),
    )
  })
})

describe('wasRemoved', () => {
  it('holds for an earlier member that is neither in the committed membership nor in a later one', () => {
    const history = historyOf()
    assert.equal(history.wasRemoved('a', 9), true)
    assert.equal(history.wasRemoved('b', 9), false)
  })

  it('does not hold while the removal is not committed', () => {
    assert.equal(historyOf().wasRemoved('a', 8), false)
  })

  it('does not hold if a later membership contains the node again', () => {
    const history = historyOf()
    history.append(12, FIRST)
    assert.equal(history.wasRemoved('a', 9), false)
  })

  it('does not hold for a node that was never a member before', () => {
    assert.equal(historyOf().wasRemoved('x', 9), false)
    assert.equal(historyOf().wasRemoved('d', 0), false)
  })
})

function historyOf(): MembershipHistory {
  const history = new MembershipHistory({ index: 0, membership: FIRST })
  history.append(5, SECOND)
  history.append(9, THIRD)
  return history
}
