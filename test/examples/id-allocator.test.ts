/** The id allocator under kills of the leader: no order without an id, no id without an order. */
import assert from 'node:assert/strict'
import { describeLong } from '../long.ts'
import { assertPrinted, outputOf } from './programs.ts'

describeLong('the id allocator', function () {
  this.timeout(120_000)

  it('gives each order one id, through kills of the leader, without a failed call', async () => {
    const output = await outputOf('id-allocator', 30_500, '--failovers', '2')
    assert.match(output, /^2 failovers with sessions\n(\d+) orders have an id, \1 ids were allocated, 0 calls failed\n/)
    assertPrinted('id-allocator', output)
  })
})
