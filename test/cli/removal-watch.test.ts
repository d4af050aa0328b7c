/** When a served node ends because it was removed: at its own removal, not at one of an earlier life that it only reads about. */
import assert from 'node:assert/strict'
import { RemovalWatch } from '../../src/cli/serve/removal-watch.ts'

const GRACE_MS = 2

describe('the watch for a removal', () => {
  it('ends a node that is out', async () => {
    const { watch, node } = served()
    const reason = watch.removalError(node)
    node.isRemoved = true
    watch.event('n1', { type: 'removed', index: 9 })
    const error = await reason
    assert.deepEqual([error.code, error.message.includes('n1 was removed')], ['ERR_RAFT_REMOVED', true])
  })

  it('lets a node go on that reads of an earlier removal, and ends it at the next one', async () => {
    const { watch, node } = served()
    const reason = watch.removalError(node)
    watch.event('n1', { type: 'removed', index: 4 })
    await node.asked
    node.isRemoved = true
    watch.event('n1', { type: 'removed', index: 9 })
    assert.equal((await reason).code, 'ERR_RAFT_REMOVED')
  })

  it('does not miss a removal while it waits to see about another one', async () => {
    const { watch, node } = served()
    const reason = watch.removalError(node)
    watch.event('n1', { type: 'removed', index: 4 })
    await Promise.resolve()
    await Promise.resolve()
    watch.event('n1', { type: 'removed', index: 9 })
    await node.asked
    node.isRemoved = true
    assert.equal((await reason).code, 'ERR_RAFT_REMOVED')
  })
})

/** A node that says whether it is out, and resolves `asked` the first time it was asked. */
function served() {
  let tell: () => void = () => undefined
  const asked = new Promise<void>((resolve) => {
    tell = resolve
  })
  const node = {
    id: 'n1',
    isRemoved: false,
    asked,
    statusNow() {
      tell()
      return { isRemoved: this.isRemoved }
    },
  }
  return { watch: new RemovalWatch(GRACE_MS), node }
}
