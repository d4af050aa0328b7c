import assert from 'node:assert/strict'
import { encodeNoop } from '../../../src/log-format/block.ts'
import { BlockCache } from '../../../src/runtime/pipeline/block-cache.ts'

describe('the block cache', () => {
  it('keeps the newest blocks, and evicts the oldest ones that are on disk', () => {
    const cache = new BlockCache(100)
    for (let first = 1; first <= 5; first++) cache.put(encodeNoop(first, 1))
    assert.equal(cache.bytes, 200)
    cache.onPersisted(2)
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((first) => cache.get(first) !== undefined),
      [false, false, true, true, true],
    )
    cache.onPersisted(5)
    assert.equal(cache.bytes, 80)
  })

  it('finds a block by its term, and drops truncated and non-contiguous blocks', () => {
    const cache = new BlockCache(1000)
    for (let first = 1; first <= 4; first++) cache.put(encodeNoop(first, 1))
    cache.put(encodeNoop(3, 2))
    assert.equal(cache.get(3, 1), undefined)
    assert.equal(cache.get(3, 2)?.term, 2)
    assert.equal(cache.get(4), undefined)
    cache.truncateAfter(1)
    assert.equal(cache.get(2), undefined)
    cache.put(encodeNoop(9, 2))
    assert.equal(cache.get(1), undefined)
    assert.equal(cache.bytes, 40)
  })
})
