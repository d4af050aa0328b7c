/**
 * The leader of three real processes is killed, suspended or cut off under 64 writers: no call fails, and each write is applied once.
 * `FAILOVERS=10` repeats each fault ten times.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { KvClient } from '../../src/cli/kv-client.ts'
import { eventually, RealCluster } from './real-cluster.ts'

const FAILOVERS = Number(process.env.FAILOVERS ?? 1)
const WRITERS = 64
const TIMEOUT_MS = 10_000
/** The pause between two writes of one writer, so that a test does not fill the disk. */
const PAUSE_MS = 20

/** Writers that write every key once. A key that was written twice has version 2. */
class OnceWriters {
  readonly failures: unknown[] = []
  acknowledged = 0
  longestMs = 0
  readonly keys: string[] = []
  readonly #client: KvClient
  readonly #writers: Promise<void>[]
  #isStopped = false

  constructor(endpoints: readonly string[], name: string) {
    this.#client = new KvClient({ endpoints, timeoutMs: TIMEOUT_MS })
    this.#writers = Array.from({ length: WRITERS }, (_, writer) => this.#write(`${name}/${writer}`))
  }

  async awaitWrites(count: number): Promise<void> {
    const goal = this.acknowledged + count
    await eventually(`${count} more writes`, async () => (this.acknowledged >= goal ? true : undefined))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#writers)
    await this.#client.raftClient.close()
  }

  async #write(prefix: string): Promise<void> {
    for (let number = 1; !this.#isStopped; number++) {
      const key = `${prefix}/${number}`
      const startedAt = performance.now()
      this.keys.push(key)
      try {
        const result = await this.#client.raftClient.propose({ type: 'put', key, value: Buffer.from(key) })
        assert.deepEqual(result, { type: 'written', version: 1 }, key)
        this.acknowledged++
      } catch (error) {
        this.failures.push(error)
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - startedAt)
      await sleep(PAUSE_MS)
    }
  }
}

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
    const writers = new OnceWriters(cluster.endpoints, name)
    try {
      await writers.awaitWrites(100)
      for (let round = 0; round < FAILOVERS; round++) {
        await fault(writers, await cluster.leader())
        await writers.awaitWrites(200)
      }
    } finally {
      await writers.stop()
    }
    const { acknowledged, failures, longestMs, keys } = writers
    if (FAILOVERS > 1)
      console.info(
        `      ${name}: ${acknowledged} writes, ${failures.length} failures, longest ${Math.round(longestMs)} ms`,
      )
    assert.deepEqual(failures, [])
    await cluster.assertEqual()
    const stored = await cluster.versions()
    const wrong = keys.filter((key) => stored.get(key) !== 1)
    assert.deepEqual(wrong, [], `${wrong.length} of ${keys.length} writes were not applied exactly once`)
  }

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
