import assert from 'node:assert/strict'
import type { JournalNode } from './virtual-cluster.ts'
import { Journal, VirtualCluster } from './virtual-cluster.ts'

/** A journal whose restore waits to be released. */
class HeldJournal extends Journal {
  isRestoring = false
  release: () => void = () => undefined

  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.isRestoring = true
    await new Promise<void>((resolve) => {
      this.release = resolve
    })
    await super.restore(chunks)
  }
}

describe('a node that is elected before its state machine has caught up', () => {
  it('commits writes, and answers writes and reads only once everything before them is applied', async () => {
    const cluster = new VirtualCluster('n1 n2 n3', { trailingEntries: 0, trailingBytesMax: 0, laggardBytesMax: 1 })
    await cluster.startAll()
    const leader = await cluster.leader()
    const { id } = cluster.followers(leader)[0] as JournalNode
    cluster.crash(id)
    for (const command of ['one', 'two']) await cluster.runUntilSettled(leader.propose(command))
    await cluster.runUntilSettled(leader.takeSnapshot())
    const machine = new HeldJournal()
    const behind = await cluster.start(id, { stateMachine: machine })
    await cluster.runUntil(() => machine.isRestoring)
    await cluster.advance(1000)
    await cluster.runUntilSettled(leader.transferLeadership({ to: id, force: true }))
    const { commitIndex } = behind.statusNow()
    const late = { code: 'ERR_RAFT_OUTCOME_UNKNOWN' }
    await assert.rejects(cluster.runUntilSettled(behind.propose('three', { timeoutMs: 2000 })), late)
    await assert.rejects(cluster.runUntilSettled(behind.read(() => 0, { timeoutMs: 2000 })), { outcome: 'not-applied' })
    const status = behind.statusNow()
    assert.equal(status.role, 'leader')
    assert.ok(status.commitIndex > commitIndex && status.appliedIndex < commitIndex)
    machine.release()
    await cluster.runUntilSettled(behind.propose('four'))
    assert.deepEqual(machine.entries, ['one', 'two', 'three', 'four'])
    await cluster.close()
  })
})
