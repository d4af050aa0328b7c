/** Tests of when a served node exits because of its removal: only if it is still removed, not for an earlier removal in the log. */
import assert from 'node:assert/strict'
import { RemovalWatch } from '../../src/cli/serve/removal-watch.ts'

const GRACE_MS = 2

describe('RemovalWatch', () => {
  it('resolves with ERR_RAFT_REMOVED for a removed node', async () => {
    const { watch, node } = served()
    const reason = watch.removalError(node)
    node.isRemoved = true
    watch.event('n1', { type: 'removed', index: 9 })
    const error = await reason
    assert.deepEqual([error.code, error.message.includes('n1 was removed')], ['ERR_RAFT_REMOVED', true])
  })

  it('ignores an earlier removal of a node that is a member now, and reports the next one', async () => {
    const { watch, node } = served()
    const reason = watch.removalError(node)
    watch.event('n1', { type: 'removed', index: 4 })
    await node.asked
    node.isRemoved = true
    watch.event('n1', { type: 'removed', index: 9 })
    assert.equal((await reason).code, 'ERR_RAFT_REMOVED')
  })

  it('does not miss a removal during the grace period of an earlier one', async () => {
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

/** A fake node; `asked` resolves when its status is read for the first time. */
function served() {
  let resolveAsked: () => void = () => undefined
  const asked = new Promise<void>((resolve) => {
    resolveAsked = resolve
  })
  const node = {
    id: 'n1',
    isRemoved: false,
    asked,
    statusNow() {
      resolveAsked()
      return { isRemoved: this.isRemoved }
    },
  }
  return { watch: new RemovalWatch(GRACE_MS), node }
}
