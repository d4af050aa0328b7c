import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Block, LogIndex, Term } from '../../../src/core/index.ts'
import { TermRuns } from '../../../src/core/log/term-runs.ts'
import { logs } from '../arbitraries.ts'
import { blocksOf } from '../builders.ts'

describe('the terms of a log', () => {
  for (const { log, index, term } of [
    { log: '1 1 2 2 5', index: 1, term: 1 },
    { log: '1 1 2 2 5', index: 2, term: 1 },
    { log: '1 1 2 2 5', index: 3, term: 2 },
    { log: '1 1 2 2 5', index: 5, term: 5 },
    { log: '1x3 4', index: 3, term: 1 },
    { log: '', index: 1, term: undefined },
    { log: '1', index: 0, term: undefined },
  ]) {
    it(`are ${term} at ${index} of [${log}]`, () => assert.equal(runsOf(blocksOf(log)).termAt(index), term))
  }

  it('never decrease', () => {
    assert.throws(() => runsOf(blocksOf('2')).append(2, 1), /terms never decrease along the log/)
  })

  it('equal an array of the terms of all entries, however the log is truncated and compacted', () => {
    fc.assert(
      fc.property(logs(), fc.nat(40), fc.nat(40), fc.nat(42), fc.nat(9), (blocks, truncate, compact, probe, term) => {
        const runs = runsOf(blocks)
        let terms = termsOf(blocks)
        runs.truncateAfter(truncate)
        terms = terms.filter(([index]) => index <= truncate)
        const last = terms.at(-1)?.[0] ?? 0
        const base = Math.min(compact, last - 1)
        if (base > 0) {
          runs.compactTo(base)
          terms = terms.filter(([index]) => index > base)
        }
        const index = Math.min(probe, last)
        const known = terms.find(([at]) => at === index)
        assert.equal(runs.termAt(index), known?.[1])
        const expected = terms.findLast(([at, own]) => at <= index && own <= term)
        assert.equal(runs.lastWithTermAtMost(index, term), expected?.[0])
      }),
      { numRuns: 1000 },
    )
  })

  it('are empty after clear', () => {
    const runs = runsOf(blocksOf('1 2'))
    runs.clear()
    runs.append(9, 1)
    assert.equal(runs.termAt(9), 1)
    assert.equal(runs.termAt(8), undefined)
  })
})

describe('the last index whose term is at most a given one', () => {
  for (const { log, index, term, last } of [
    { log: '1 1 2 2 5', index: 5, term: 5, last: 5 },
    { log: '1 1 2 2 5', index: 5, term: 4, last: 4 },
    { log: '1 1 2 2 5', index: 5, term: 1, last: 2 },
    { log: '1 1 2 2 5', index: 3, term: 2, last: 3 },
    { log: '1 1 2 2 5', index: 3, term: 1, last: 2 },
    { log: '2 2', index: 2, term: 1, last: undefined },
    { log: '', index: 0, term: 1, last: undefined },
  ]) {
    it(`is ${last} for term ${term} up to index ${index} of [${log}]`, () => {
      assert.equal(runsOf(blocksOf(log)).lastWithTermAtMost(index, term), last)
    })
  }
})

function runsOf(blocks: readonly Block[]): TermRuns {
  const runs = new TermRuns()
  for (const { first, term } of blocks) runs.append(first, term)
  return runs
}

function termsOf(blocks: readonly Block[]): (readonly [LogIndex, Term])[] {
  return blocks.flatMap(({ first, count, term }) =>
    Array.from({ length: count }, (_, at) => [first + at, term] as const),
  )
}
