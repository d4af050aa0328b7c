/** Writers that write every key once, with sessions, and expect no call to fail. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { KvClient } from '../../src/cli/kv-client.ts'
import { eventually, type RealCluster } from './real-cluster.ts'

const TIMEOUT_MS = 10_000
/** The pause between two writes of one writer, so that a test does not fill the disk. */
const PAUSE_MS = 20

/** Writers that write every key once. A key that was written twice has version 2. */
export class OnceWriters {
  readonly failures: unknown[] = []
  acknowledged = 0
  longestMs = 0
  readonly keys: string[] = []
  readonly #client: KvClient
  readonly #writers: Promise<void>[]
  #isStopped = false

  /** `Client` may be that of another revision. */
  constructor(endpoints: readonly string[], name: string, count: number, Client: typeof KvClient = KvClient) {
    this.#client = new Client({ endpoints, timeoutMs: TIMEOUT_MS })
    this.#writers = Array.from({ length: count }, (_, writer) => this.#write(`${name}/${writer}`))
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

  /** No call has failed, and each write was applied once. Call it after `stop`. */
  async assertOnce(cluster: RealCluster): Promise<void> {
    assert.deepEqual(this.failures, [])
    await cluster.assertEqual()
    const stored = await cluster.versions()
    const wrong = this.keys.filter((key) => stored.get(key) !== 1)
    assert.deepEqual(wrong, [], `${wrong.length} of ${this.keys.length} writes were not applied exactly once`)
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
