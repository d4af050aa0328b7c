/** Faults injected into three real processes under load: afterwards no acknowledged write is missing and all nodes are equal. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { isRaftError } from '../../src/errors.ts'
import { eventually, RealCluster } from './real-cluster.ts'
import { Writers } from './writers.ts'

describe('a cluster of three processes under load', function () {
  this.timeout(90_000)
  let cluster: RealCluster
  before(async () => {
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(() => cluster.close())

  /** Writes while `fault` runs, then checks that no acknowledged write is lost. */
  async function underLoad(name: string, fault: (writers: Writers) => Promise<void>): Promise<void> {
    const writers = new Writers(cluster.endpoints, name)
    try {
      await writers.awaitWrites(20)
      await fault(writers)
    } finally {
      await writers.stop()
    }
    await cluster.assertNothingLost(writers)
  }

  it('is checked by assertions that fail for a lost write and for a rejected write in the store', async () => {
    const writers = new Writers(cluster.endpoints, 'check')
    await writers.awaitWrites(20)
    await writers.stop()
    await cluster.assertNothingLost(writers)
    const [first = ''] = writers.acknowledged
    writers.rejected.add(first)
    await assert.rejects(cluster.assertNothingLost(writers), /1 rejected writes are in the store/)
    writers.acknowledged.add('never written')
    await assert.rejects(cluster.assertNothingLost(writers), /1 of \d+ acknowledged writes are lost/)
  })

  it('survives four kills of the leader', () =>
    underLoad('kill', async (writers) => {
      for (let round = 0; round < 4; round++) {
        const leader = await cluster.leader()
        await cluster.kill(leader)
        await writers.awaitWrites(20)
        cluster.start(leader)
        await writers.awaitWrites(10)
      }
    }))

  it('survives a leader that is suspended for longer than an election and continues', () =>
    underLoad('stop', async (writers) => {
      for (let round = 0; round < 2; round++) {
        const leader = await cluster.leader()
        cluster.sendSignal(leader, 'SIGSTOP')
        await cluster.leader(leader)
        await writers.awaitWrites(20)
        cluster.sendSignal(leader, 'SIGCONT')
        await writers.awaitWrites(20)
      }
    }))

  it('survives an isolated leader, which serves no stale read', () =>
    underLoad('isolate', async (writers) => {
      const old = await cluster.leader()
      cluster.links.isolate(old)
      const { raftClient } = cluster.client()
      await assert.rejects(raftClient.query({ type: 'digest' }, { endpoint: cluster.endpoint(old), timeoutMs: 1500 }))
      await raftClient.close()
      const next = await cluster.leader(old)
      assert.notEqual(next, old)
      await writers.awaitWrites(20)
      cluster.links.heal()
      await writers.awaitWrites(20)
    }))

  it('serves writes while two of its nodes cannot reach each other', () =>
    underLoad('cut', async (writers) => {
      for (const [one, other] of [
        ['n1', 'n2'],
        ['n2', 'n3'],
      ] as const) {
        cluster.links.cut(one, other)
        await eventually(`lost connection from ${one} to ${other}`, async () => {
          const status = (await cluster.statuses()).find(({ id }) => id === one)
          return status?.connected.includes(other) === false ? true : undefined
        })
        await writers.awaitWrites(20, 20_000)
        cluster.links.heal()
        await writers.awaitWrites(10)
      }
    }))

  it('loses nothing when all nodes are killed at once', () =>
    underLoad('power-cut', async (writers) => {
      await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
      for (const id of cluster.ids) cluster.start(id)
      await writers.awaitWrites(20, 20_000)
    }))

  it('is restarted node by node, leader included, without a failed write', async () => {
    const writers = new Writers(cluster.endpoints, 'term')
    await writers.awaitWrites(20)
    for (const id of cluster.ids) {
      await cluster.leader()
      cluster.sendSignal(id, 'SIGTERM')
      assert.equal((await cluster.exitOf(id)).exitCode, 0)
      await writers.awaitWrites(20)
      cluster.start(id)
      await writers.awaitWrites(20)
      await cluster.awaitRestart(id)
    }
    await writers.stop()
    await cluster.assertNothingLost(writers)
    assert.deepEqual([...writers.rejected], [])
    assert.deepEqual([...writers.unknown], [])
  })

  it('has taken snapshots and starts from them', async () => {
    const statuses = await cluster.statuses()
    assert.ok(statuses.every(({ snapshotIndex }) => snapshotIndex > 0))
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) cluster.start(id)
    await cluster.leader()
    await cluster.assertEqual()
  })

  it('rejects a member with a wiped disk, and accepts it as a new member', () =>
    underLoad('replace', async (writers) => {
      const leader = await cluster.leader()
      const lost = cluster.ids.find((id) => id !== leader) as string
      await cluster.kill(lost)
      cluster.setDirectory(lost, join(cluster.directory, `${lost}-new`))
      cluster.start(lost)
      const exit = await cluster.exitOf(lost)
      assert.equal(exit.exitCode, 78, exit.stderr)
      assert.match(exit.stderr, /error\[ERR_RAFT_DIRECTORY_MISMATCH\]/)
      const { raftClient } = cluster.client()
      try {
        await raftClient.changeMembership({ remove: [lost] })
        await raftClient.changeMembership({
          add: [{ id: lost, address: cluster.links.addresses[lost] ?? '', promote: true }],
        })
      } finally {
        await raftClient.close()
      }
      cluster.join(lost)
      await writers.awaitWrites(20)
      await awaitVoter(lost)
    }))

  /** Waits until all nodes respond and the restarted one has applied entries, so that stopping the next one leaves a majority. */
  async function awaitVoter(id: string): Promise<void> {
    await eventually(`voter ${id}`, async () => {
      const statuses = await cluster.statuses()
      return statuses.some((each) => each.id === id && each.membership.voters.includes(id)) ? true : undefined
    })
  }
})

describe('a cluster without a majority', function () {
  this.timeout(60_000)

  it('rejects reads and writes, and serves them again after a restart of the other nodes', async () => {
    const cluster = await RealCluster.started('n1', 'n2', 'n3')
    try {
      const leader = await cluster.leader()
      for (const id of cluster.ids) if (id !== leader) await cluster.kill(id)
      const { raftClient } = cluster.client()
      const read = await raftClient.query({ type: 'digest' }, { timeoutMs: 1000 }).catch((error: unknown) => error)
      assert.ok(isRaftError(read) && read.outcome === 'not-applied', String(read))
      for (const id of cluster.ids) if (id !== leader) cluster.start(id)
      await cluster.leader()
      const put = { type: 'put', key: 'again', value: Buffer.from('up') } as const
      assert.deepEqual(await raftClient.propose(put), { type: 'written', version: 1 })
      await raftClient.close()
      await cluster.assertEqual()
    } finally {
      await cluster.close()
    }
  })
})
