/** The list of blocks agrees with the plainest possible list of entries, whatever is written. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isRaftError } from '../../src/errors.ts'
import type { BlockHeader } from '../../src/log-format/block-list.ts'
import { BlockList } from '../../src/log-format/block-list.ts'

describe('the block list', () => {
  it('agrees with a list of entries after any sequence of writes', () => {
    fc.assert(
      fc.property(fc.array(writes(), { maxLength: 25 }), (plan) => {
        const list = new BlockList()
        const model = new ReferenceLog()
        for (const step of plan) {
          const write = model.next(step)
          list.apply(list.plan(write, model.snapshot), write.blocks)
          model.write(write)
          assert.deepEqual(list.blocks, model.blocks)
          assert.equal(list.last.index, model.last)
          assert.equal(list.base.index, (model.blocks[0]?.first ?? model.last + 1) - 1)
          for (let first = 0; first <= model.last + 1; first++) {
            const offset = model.blocks.findIndex((block) => block.first === first)
            assert.equal(list.offsetOf(first), offset < 0 ? undefined : offset)
          }
        }
      }),
    )
  })

  it('plans to remove at once the blocks of the suffix that start after the new base', () => {
    const list = new BlockList(undefined, [header(1, 1, 4), header(5, 1, 4), header(9, 1, 4)])
    const truncated = list.plan({ truncateAfter: 4, blocks: [] }, 0)
    assert.deepEqual([truncated.dropFrom, truncated.last], [1, { index: 4, term: 1 }])
    const info = { id: 's', index: 8, term: 2, chain: 9, membership: EMPTY, size: 1 }
    const reset = list.plan({ snapshot: { info, resetLog: true }, blocks: [] }, 0)
    assert.deepEqual([reset.dropFrom, reset.base], [2, { index: 8, term: 2 }])
  })

  it('returns blocks up to a number of bytes, and at least one', () => {
    const list = new BlockList(undefined, [header(1, 1, 1), header(2, 1, 1), header(3, 1, 1)])
    assert.deepEqual(list.range(1, 0), { from: 0, to: 1 })
    assert.deepEqual(list.range(1, 200), { from: 0, to: 2 })
    assert.deepEqual(list.range(2, 1000), { from: 1, to: 3 })
    assert.equal(list.range(4, 1000), undefined)
  })

  for (const { what, blocks, snapshot, write } of [
    { what: 'a gap', blocks: [header(1, 1, 2)], snapshot: 0, write: { blocks: [header(4, 1, 1)] } },
    { what: 'an overlap', blocks: [header(1, 1, 2)], snapshot: 0, write: { blocks: [header(2, 1, 1)] } },
    { what: 'a decreasing term', blocks: [header(1, 3, 2)], snapshot: 0, write: { blocks: [header(3, 2, 1)] } },
    {
      what: 'a compaction that no snapshot covers',
      blocks: [header(1, 1, 2)],
      snapshot: 1,
      write: { blocks: [], compactTo: 2 },
    },
    {
      what: 'a truncation below the snapshot',
      blocks: [header(1, 1, 2)],
      snapshot: 2,
      write: { blocks: [], truncateAfter: 0 },
    },
  ])
    it(`rejects ${what}`, () => {
      const list = new BlockList(undefined, blocks)
      assert.throws(
        () => list.plan(write, snapshot),
        (error) => isRaftError(error, 'ERR_RAFT_INTERNAL'),
      )
      assert.deepEqual(list.blocks, blocks)
    })
})

const EMPTY = { members: [], voters: [], outgoing: [], learners: [] }

interface Step {
  readonly truncate: number | undefined
  readonly append: readonly number[]
  readonly compact: number | undefined
  readonly reset: number | undefined
}

function writes(): fc.Arbitrary<Step> {
  const fraction = fc.nat(100).map((percent) => percent / 100)
  return fc.record({
    truncate: fc.option(fraction, { nil: undefined, freq: 1 }),
    append: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }),
    compact: fc.option(fraction, { nil: undefined }),
    reset: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined, freq: 8 }),
  })
}

/** Blocks in an array; every operation filters all of them. */
class ReferenceLog {
  blocks: BlockHeader[] = []
  last = 0
  snapshot = 0
  #term = 1

  /** A valid write, made from the fractions of a step. */
  next({ truncate, append, compact, reset }: Step) {
    this.#term++
    const info = { id: 's', index: this.last + (reset ?? 0), term: this.#term, chain: 9, membership: EMPTY, size: 1 }
    const isReset = reset !== undefined
    const kept = this.blocks.filter((block) => endOf(block) <= this.snapshot).length
    const cut = this.blocks[kept + Math.floor((truncate ?? 1) * (this.blocks.length - kept))]
    const truncateAfter = isReset || truncate === undefined || cut === undefined ? undefined : cut.first - 1
    let first = (isReset ? info.index : (truncateAfter ?? this.last)) + 1
    const blocks = append.map((count) => {
      const block = header(first, this.#term, count)
      first += count
      return block
    })
    const compactTo = isReset || compact === undefined ? undefined : Math.floor(compact * (truncateAfter ?? this.last))
    const covering = compactTo === undefined ? undefined : { info: { ...info, index: compactTo }, resetLog: false }
    const raised = covering !== undefined && covering.info.index > this.snapshot ? covering : undefined
    return { snapshot: isReset ? { info, resetLog: true } : raised, truncateAfter, blocks, compactTo }
  }

  write({ snapshot, truncateAfter, blocks, compactTo }: ReturnType<ReferenceLog['next']>): void {
    if (snapshot !== undefined) this.snapshot = snapshot.info.index
    if (snapshot?.resetLog) this.blocks = []
    if (snapshot?.resetLog) this.last = snapshot.info.index
    if (truncateAfter !== undefined) this.blocks = this.blocks.filter((block) => block.first <= truncateAfter)
    if (truncateAfter !== undefined) this.last = truncateAfter
    // What a write appends is compacted by a later one.
    this.blocks = [...this.blocks.filter((block) => endOf(block) > (compactTo ?? 0)), ...blocks]
    this.last = blocks.length === 0 ? this.last : endOf(blocks.at(-1) as BlockHeader)
  }
}

function header(first: number, term: number, count: number): BlockHeader {
  return { first, term, count, size: 100, kind: 'commands', membership: undefined }
}

function endOf({ first, count }: BlockHeader): number {
  return first + count - 1
}
