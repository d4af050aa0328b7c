/** A cluster of real processes for tests: what must hold of it once the faults are over. */
import assert from 'node:assert/strict'
import { ProcessCluster } from '../../chaos/cluster/process-cluster.ts'
import { removeLeftovers } from '../../chaos/cluster/run-directory.ts'
import type { CommandResult } from './command.ts'
import { start } from './command.ts'
import type { Writers } from './writers.ts'

export { eventually } from '../../chaos/cluster/eventually.ts'
export { freePort } from '../../chaos/cluster/process-cluster.ts'

const NAME = 'e2e'

const PAGE = 1000

export class RealCluster extends ProcessCluster<CommandResult> {
  static async started(...ids: readonly string[]): Promise<RealCluster> {
    removeLeftovers(NAME)
    const cluster = new RealCluster({
      name: NAME,
      initialMembers: ids,
      command: (words) => start(words),
      // Fast elections, and snapshots while the faults go on.
      electionTimeout: '400-800ms',
      snapshotEntries: 200,
    })
    for (const id of ids) await cluster.addNode(id)
    for (const id of ids) cluster.start(id)
    await cluster.leader()
    return cluster
  }

  /** Every node has applied the same, everything that was acknowledged is there, and nothing that was refused. */
  async assertNothingLost(writers: Writers): Promise<void> {
    await this.assertEqual()
    const stored = await this.keys()
    const lost = [...writers.acknowledged].filter((key) => !stored.has(key))
    assert.deepEqual(lost, [], `${lost.length} of ${writers.acknowledged.size} acknowledged writes are lost`)
    const undead = [...writers.rejected].filter((key) => stored.has(key))
    assert.deepEqual(undead, [], `${undead.length} writes that were surely not applied are there`)
    assert.ok(writers.acknowledged.size > 0)
  }

  /** All nodes, asked each for what it has itself, give the same digest at the same index. */
  async assertEqual(): Promise<void> {
    const digests = await this.digests()
    assert.equal(new Set(digests).size, 1, `the nodes differ: ${digests.join(', ')}`)
  }

  /** Every key, read linearizably. */
  async keys(): Promise<Set<string>> {
    const keys = new Set<string>()
    for (let after: string | undefined; ; ) {
      const answer = await this.adminClient.query({ type: 'list', prefix: '', limit: PAGE, after })
      assert.ok(answer.type === 'listed')
      for (const { key } of answer.entries) keys.add(key)
      if (!answer.more) return keys
      after = answer.entries.at(-1)?.key
    }
  }
}
