/** Clients that write every key once and record the outcome of each write: acknowledged, rejected or unknown. */
import { setTimeout as sleep } from 'node:timers/promises'
import { KvClient } from '../../src/cli/kv-client.ts'
import { isRaftError } from '../../src/errors.ts'

const WRITERS = 8
const TIMEOUT_MS = 4000
/** The pause between two writes of one writer, so that a test does not fill the disk. */
const PAUSE_MS = 5

export class Writers {
  readonly acknowledged = new Set<string>()
  readonly unknown = new Set<string>()
  readonly rejected = new Set<string>()
  readonly #cluster: KvClient
  readonly #writers: Promise<void>[]
  #isStopped = false
  #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  constructor(endpoints: readonly string[], name: string) {
    this.#cluster = new KvClient({ endpoints, timeoutMs: TIMEOUT_MS })
    this.#writers = Array.from({ length: WRITERS }, (_, offset) => this.#write(`${name}/${offset}`))
  }

  /** Resolves after `count` more acknowledged writes. */
  async awaitWrites(count: number, timeoutMs = 15_000): Promise<void> {
    const goal = this.acknowledged.size + count
    const reached = new Promise<true>((resolve) => this.#waiting.push({ count: goal, resolve: () => resolve(true) }))
    const isReached = await Promise.race([reached, sleep(timeoutMs, false, { ref: false })])
    if (!isReached) throw new Error(`${this.acknowledged.size} of ${goal} writes were acknowledged in ${timeoutMs} ms`)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#writers)
    await this.#cluster.raftClient.close()
  }

  async #write(prefix: string): Promise<void> {
    for (let number = 1; !this.#isStopped; number++) {
      const key = `${prefix}/${number}`
      try {
        await this.#cluster.raftClient.propose({ type: 'put', key, value: Buffer.from(key) })
        this.acknowledged.add(key)
        for (const { count, resolve } of this.#waiting) if (this.acknowledged.size >= count) resolve()
      } catch (error) {
        if (!isRaftError(error)) throw error
        if (error.outcome === 'not-applied') this.rejected.add(key)
        else this.unknown.add(key)
      }
      await sleep(PAUSE_MS)
    }
  }
}
