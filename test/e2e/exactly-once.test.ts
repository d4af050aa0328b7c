/**
 * The leader of three real processes is restarted, killed, suspended or cut off under 64 writers: no call fails, and each write is applied once.
 * `FAILOVERS=10` repeats each fault ten times.
 */
import assert from 'node:assert/strict'
import { OnceWriters } from './once-writers.ts'
import { RealCluster } from './real-cluster.ts'

const FAILOVERS = Number(process.env.FAILOVERS ?? 1)
const WRITERS = 64

describe('64 writers with sessions', function () {
  this.timeout(60_000 + 20_000 * FAILOVERS)
  let cluster: RealCluster
  before(async () => {
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(() => cluster.close())

  async function underLoad(
    name: string,
    fault: (writers: OnceWriters, leader: string) => Promise<void>,
  ): Promise<void> {
    const writers = new OnceWriters(cluster.endpoints, name, WRITERS)
    try {
      await writers.awaitWrites(100)
      for (let round = 0; round < FAILOVERS; round++) {
        await fault(writers, await cluster.leader())
        await writers.awaitWrites(200)
      }
    } finally {
      await writers.stop()
    }
    const { acknowledged, failures, longestMs } = writers
    if (FAILOVERS > 1)
      console.info(
        `      ${name}: ${acknowledged} writes, ${failures.length} failures, longest ${Math.round(longestMs)} ms`,
      )
    await writers.assertOnce(cluster)
  }

  it('see no error when each node is restarted, the leader first', () =>
    underLoad('restart', async (writers, leader) => {
      for (const id of [leader, ...cluster.ids.filter((each) => each !== leader)]) {
        cluster.sendSignal(id, 'SIGTERM')
        assert.equal((await cluster.exitOf(id)).exitCode, 0)
        cluster.start(id)
        await writers.awaitWrites(100)
        await cluster.awaitRestart(id)
      }
    }))

  it('see no error when the leader is killed', () =>
    underLoad('kill', async (writers, leader) => {
      await cluster.kill(leader)
      await writers.awaitWrites(100)
      cluster.start(leader)
    }))

  it('see no error when the leader is suspended, and when it continues', () =>
    underLoad('suspend', async (writers, leader) => {
      cluster.sendSignal(leader, 'SIGSTOP')
      await writers.awaitWrites(100)
      cluster.sendSignal(leader, 'SIGCONT')
    }))

  it('see no error when the leader is cut off from the other nodes', () =>
    underLoad('cut', async (writers, leader) => {
      cluster.links.isolate(leader)
      await writers.awaitWrites(100)
      cluster.links.heal()
    }))
})
