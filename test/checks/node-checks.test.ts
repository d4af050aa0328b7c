import assert from 'node:assert/strict'
import { NodeChecks } from '../../src/checks/node-checks.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import { VirtualCluster } from '../runtime/virtual-cluster.ts'

/** A cluster whose node n1 is checked, on virtual time. */
async function checkedCluster(): Promise<{ cluster: VirtualCluster; checks: NodeChecks; failing: () => string[] }> {
  const cluster = new VirtualCluster('n1 n2 n3')
  const checks = new NodeChecks({ now: () => cluster.time.nowUs / 1000 })
  await cluster.start('n1', { observers: [checks] })
  await cluster.start('n2')
  await cluster.start('n3')
  const failing = (): string[] => checks.ready().flatMap(({ name, isOk }) => (isOk ? [] : [name]))
  return { cluster, checks, failing }
}

async function pass(cluster: VirtualCluster, ms: number): Promise<void> {
  const until = cluster.time.nowUs + ms * 1000
  await cluster.runUntil(() => cluster.time.nowUs >= until)
}

describe('NodeChecks', () => {
  it('are alive and not ready before the node starts', () => {
    const checks = new NodeChecks()
    assert.deepEqual(
      checks.live().map(({ isOk }) => isOk),
      [true, true],
    )
    assert.deepEqual(
      checks.ready().map(({ name, isOk }) => [name, isOk]),
      [['listening', false]],
    )
  })

  it('are ready once there is a leader', async () => {
    const { cluster, checks, failing } = await checkedCluster()
    assert.deepEqual(failing(), ['leader'])
    const leader = await cluster.leader()
    await cluster.runUntil(() => cluster.node('n1').statusNow().leader)
    assert.deepEqual(failing(), [])
    const { 'raft.Leader': isLeader, 'raft.Follower': isFollower, '': isReady } = checks.serving()
    assert.deepEqual([isLeader, isFollower, isReady], [leader.id === 'n1', leader.id !== 'n1', true])
  })

  it('tolerate an election, and fail after two election timeouts without a leader', async () => {
    const { cluster, checks, failing } = await checkedCluster()
    await cluster.runUntil(() => cluster.node('n1').statusNow().leader)
    cluster.isolate('n1')
    await cluster.runUntil(() => cluster.node('n1').statusNow().leader === undefined)
    const { electionTimeoutMaxMs = 0 } = cluster.node('n1').statusNow().timing ?? {}
    assert.deepEqual(failing(), [])
    await pass(cluster, 2 * electionTimeoutMaxMs + 1)
    assert.deepEqual(failing(), ['leader'])
    assert.ok(
      checks.live().every(({ isOk }) => isOk),
      'a restart would not help',
    )
    cluster.rejoin('n1')
    await cluster.runUntil(() => cluster.node('n1').statusNow().leader)
    assert.deepEqual(failing(), [])
  })

  it('fail while the node closes', async () => {
    const { cluster, checks, failing } = await checkedCluster()
    await cluster.runUntil(() => cluster.node('n1').statusNow().leader)
    const closed = cluster.node('n1').close()
    assert.ok(failing().includes('open'))
    assert.deepEqual(checks.serving()['raft.Leader'], false)
    assert.deepEqual(checks.serving()[''], false)
    await cluster.runUntilSettled(closed)
  })

  it('are not alive once the node has failed', async () => {
    const { cluster, checks, failing } = await checkedCluster()
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('boom').catch(() => undefined))
    await cluster.runUntilSettled(cluster.node('n1').failed)
    assert.ok(failing().includes('running'))
    assert.ok(checks.live().some(({ isOk }) => !isOk))
  })

  describe('of a node that is not caught up, or short of disk space', () => {
    let status: NodeStatus
    before(async () => {
      const { cluster } = await checkedCluster()
      await cluster.runUntil(() => cluster.node('n1').statusNow().leader)
      status = cluster.node('n1').statusNow()
    })

    const failingWith = (changed: Partial<NodeStatus>, commitIndexBefore = 0): string[] => {
      const checks = new NodeChecks()
      checks.attach({ id: 'n1', status: () => ({ ...status, ...changed }) })
      checks.event('n1', { type: 'started', address: 'a:1', directoryId: 'd', isNew: false })
      const { lastIndex, snapshotIndex } = status
      checks.event('n1', { type: 'recovered', lastIndex, commitIndex: commitIndexBefore, snapshotIndex })
      return checks.ready().flatMap(({ name, isOk }) => (isOk ? [] : [name]))
    }

    const timing = (pendingWriteMs: number) => ({
      ...{ heartbeatIntervalMs: 75, electionTimeoutMinMs: 750, electionTimeoutMaxMs: 1500 },
      ...{ writeMs: 0, pendingWriteMs },
    })
    const alarm = (code: string, peer?: string) => ({ alarms: [{ code, peer, forMs: 1, message: 'm', details: {} }] })

    for (const [title, changed, expected] of [
      ['nothing', {}, []],
      ['a snapshot that is being fetched', { fetching: { from: 'n2', index: 9, bytes: 1, size: 2 } }, ['caught-up']],
      ['a snapshot that is being restored', { snapshotIndex: 1_000 }, ['caught-up']],
      ['entries to apply', { commitIndex: 20_000 }, ['caught-up']],
      ['a full disk', alarm('SPACE_LOW'), ['disk']],
      ['a disk that hangs', { timing: timing(60_001) }, ['writing']],
      ['a disk that is slow', { timing: timing(59_999) }, []],
      ['the full disk of another', alarm('SNAPSHOT_NO_SPACE', 'n2'), []],
    ] as const)
      it(`report ${title}`, () => assert.deepEqual(failingWith(changed), expected))

    it('report that the state from before the restart is not recovered', () => {
      assert.deepEqual(failingWith({}, 1_000_000), ['recovered'])
    })
  })
})
