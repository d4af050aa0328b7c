/** Real processes under load, and what may happen to them: after each fault nothing acknowledged is missing, and all nodes are equal. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { isRaftError } from '../../src/errors.ts'
import { eventually, RealCluster } from './real-cluster.ts'
import { Writers } from './writers.ts'

describe('three processes under load', function () {
  this.timeout(90_000)
  let cluster: RealCluster
  before(async () => {
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(() => cluster.close())

  /** Writes all the while that `fault` goes on, then looks for what is missing. */
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

  it('would be caught if one acknowledged write were missing, or one refused were there', async () => {
    const writers = new Writers(cluster.endpoints, 'check')
    await writers.awaitWrites(20)
    await writers.stop()
    await cluster.assertNothingLost(writers)
    const [first = ''] = writers.acknowledged
    writers.rejected.add(first)
    await assert.rejects(cluster.assertNothingLost(writers), /1 writes that were surely not applied are there/)
    writers.acknowledged.add('never written')
    await assert.rejects(cluster.assertNothingLost(writers), /1 of \d+ acknowledged writes are lost/)
  })

  it('survive that their leader is killed, ten times', () =>
    underLoad('kill', async (writers) => {
      for (let round = 0; round < 10; round++) {
        const leader = await cluster.leader()
        await cluster.kill(leader)
        await writers.awaitWrites(20)
        cluster.start(leader)
        await writers.awaitWrites(10)
      }
    }))

  it('survive that their leader is stopped for longer than an election, and wakes up again', () =>
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

  it('survive that the leader is cut off, and read nothing old through it', () =>
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

  it('go on while two of them do not hear each other', () =>
    underLoad('cut', async (writers) => {
      for (const [one, other] of [
        ['n1', 'n2'],
        ['n2', 'n3'],
      ] as const) {
        cluster.links.cut(one, other)
        await eventually(`${one} that has lost ${other}`, async () => {
          const status = (await cluster.statuses()).find(({ id }) => id === one)
          return status?.connected.includes(other) === false ? true : undefined
        })
        await writers.awaitWrites(20, 20_000)
        cluster.links.heal()
        await writers.awaitWrites(10)
      }
    }))

  it('lose nothing when all are killed at once', () =>
    underLoad('power-cut', async (writers) => {
      await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
      for (const id of cluster.ids) cluster.start(id)
      await writers.awaitWrites(20, 20_000)
    }))

  it('are restarted one after the other, the leader too, without a failed write', async () => {
    const writers = new Writers(cluster.endpoints, 'term')
    await writers.awaitWrites(20)
    for (const id of cluster.ids) {
      await cluster.leader()
      cluster.sendSignal(id, 'SIGTERM')
      assert.equal((await cluster.exitOf(id)).exitCode, 0)
      await writers.awaitWrites(20)
      cluster.start(id)
      await writers.awaitWrites(20)
      await hasCaughtUp(id)
    }
    await writers.stop()
    await cluster.assertNothingLost(writers)
    assert.deepEqual([...writers.rejected], [])
    assert.deepEqual([...writers.unknown], [])
  })

  it('have taken snapshots meanwhile, and start from them', async () => {
    const statuses = await cluster.statuses()
    assert.ok(statuses.every(({ snapshotIndex }) => snapshotIndex > 0))
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) cluster.start(id)
    await cluster.leader()
    await cluster.assertEqual()
  })

  it('do not take a wiped disk for the member it was, and take it back as a new one', () =>
    underLoad('replace', async (writers) => {
      const leader = await cluster.leader()
      const lost = cluster.ids.find((id) => id !== leader) as string
      await cluster.kill(lost)
      cluster.setDirectory(lost, join(cluster.directory, `${lost}-new`))
      cluster.start(lost)
      const refused = await cluster.exitOf(lost)
      assert.equal(refused.exitCode, 78, refused.stderr)
      assert.match(refused.stderr, /error\[ERR_RAFT_DIRECTORY_MISMATCH\]/)
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
      await isVoter(lost)
    }))

  /** Else the next one to go might take the majority with it. */
  async function hasCaughtUp(id: string): Promise<void> {
    await eventually(`${id} that has caught up`, async () => {
      const statuses = await cluster.statuses()
      const applied = statuses.find((status) => status.id === id)?.appliedIndex ?? 0
      return statuses.length === cluster.ids.length && applied > 0 ? true : undefined
    })
  }

  async function isVoter(id: string): Promise<void> {
    await eventually(`voter ${id}`, async () => {
      const statuses = await cluster.statuses()
      return statuses.some((each) => each.id === id && each.membership.voters.includes(id)) ? true : undefined
    })
  }
})

describe('a cluster that has lost its majority', function () {
  this.timeout(60_000)

  it('refuses writes and reads in words, and goes on when a node is back', async () => {
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
