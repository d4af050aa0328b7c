/** A cluster of real processes for tests, with assertions on what must hold after faults. */
import assert from 'node:assert/strict'
import { eventually } from '../../chaos/cluster/eventually.ts'
import { ProcessCluster } from '../../chaos/cluster/process-cluster.ts'
import { removeLeftovers } from '../../chaos/cluster/run-directory.ts'
import type { CommandResult, RunningCommand, StartOptions } from './command.ts'
import { start } from './command.ts'
import type { Writers } from './writers.ts'

export { freePort } from '../../chaos/cluster/process-cluster.ts'
export { eventually }

const NAME = 'e2e'

const PAGE = 1000

export class RealCluster extends ProcessCluster<CommandResult> {
  static started(...ids: readonly string[]): Promise<RealCluster> {
    return RealCluster.startedWith({}, ...ids)
  }

  static async startedWith(options: StartOptions, ...ids: readonly string[]): Promise<RealCluster> {
    return RealCluster.startedBy((args) => start(args, options), ...ids)
  }

  /** `command` runs `quorate` with these arguments for a node. */
  static async startedBy(
    command: (args: readonly string[], id: string) => RunningCommand,
    ...ids: readonly string[]
  ): Promise<RealCluster> {
    removeLeftovers(NAME)
    const cluster = new RealCluster({
      name: NAME,
      initialMembers: ids,
      command,
      // Short timeouts and frequent snapshots, so that elections and snapshots happen during the faults.
      electionTimeout: '400-800ms',
      snapshotEntries: 200,
    })
    for (const id of ids) await cluster.addNode(id)
    for (const id of ids) cluster.start(id)
    await cluster.leader()
    return cluster
  }

  /** All nodes answer, and this one has applied entries again. */
  async awaitRestart(id: string): Promise<void> {
    await eventually(`restart of ${id}`, async () => {
      const statuses = await this.statuses()
      const applied = statuses.find((status) => status.id === id)?.appliedIndex ?? 0
      return statuses.length === this.ids.length && applied > 0 ? true : undefined
    })
  }

  /** All nodes are equal, every acknowledged write is in the store, and no rejected one is. */
  async assertNothingLost(writers: Writers): Promise<void> {
    await this.assertEqual()
    const stored = await this.keys()
    const lost = [...writers.acknowledged].filter((key) => !stored.has(key))
    assert.deepEqual(lost, [], `${lost.length} of ${writers.acknowledged.size} acknowledged writes are lost`)
    const applied = [...writers.rejected].filter((key) => stored.has(key))
    assert.deepEqual(applied, [], `${applied.length} rejected writes are in the store`)
    assert.ok(writers.acknowledged.size > 0)
  }

  /** All nodes return the same digest of their local state at the same applied index. */
  async assertEqual(): Promise<void> {
    const digests = await this.digests()
    assert.equal(new Set(digests).size, 1, `the nodes differ: ${digests.join(', ')}`)
  }

  /** Every key, read linearizably. */
  async keys(): Promise<Set<string>> {
    return new Set((await this.versions()).keys())
  }

  /** The version of every key: how often it was written. */
  async versions(): Promise<Map<string, number>> {
    const versions = new Map<string, number>()
    for (let after: string | undefined; ; ) {
      const answer = await this.adminClient.query({ type: 'list', prefix: '', limit: PAGE, after })
      assert.ok(answer.type === 'listed')
      for (const { key, version } of answer.entries) versions.set(key, version)
      if (!answer.more) return versions
      after = answer.entries.at(-1)?.key
    }
  }
}
