/** Writes an increasing count to the cluster while the demo runs, so that a lost write can be detected. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isRaftError } from '../../errors.ts'
import type { KvClient } from '../kv-client.ts'
import { AcknowledgedWrites } from './acknowledged-writes.ts'

const PREFIX = 'demo/counter/'
/** The count cycles through this many keys, so that the state stays small. */
const KEYS = 100
const PAUSE_MS = 40
const TIMEOUT_MS = 3000
/** A new cluster may need several elections before it serves reads. */
const START_TIMEOUT_MS = 20_000

export class Counter {
  readonly writes: AcknowledgedWrites = new AcknowledgedWrites()
  readonly #cluster: KvClient
  readonly #stop = new AbortController()
  #count = 0
  #running: Promise<void> | undefined
  #waiting: (() => void)[] = []

  constructor(cluster: KvClient) {
    this.#cluster = cluster
  }

  /** Continues from the count of an earlier run and returns that count. */
  async start(): Promise<number> {
    const stored = await this.#readCounters(START_TIMEOUT_MS)
    const counted = Math.max(0, ...stored.values())
    this.#count = counted
    this.#running = this.#run()
    return counted
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** Resolves when the next write is acknowledged. */
  nextAcknowledged(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Reads all keys linearizably and returns the number of acknowledged writes that are lost. Anything but 0 is a bug. */
  async countLost(): Promise<number> {
    return (await this.writes.lostKeys(() => this.#readCounters())).length
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#write(++this.#count)
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  async #write(value: number): Promise<void> {
    const key = `${PREFIX}${value % KEYS}`
    const options = { timeoutMs: TIMEOUT_MS, signal: this.#stop.signal }
    try {
      await this.#cluster.raftClient.propose({ type: 'put', key, value: Buffer.from(String(value)) }, options)
      this.writes.recordAcknowledged(key, value)
      for (const resolve of this.#waiting.splice(0)) resolve()
    } catch (error) {
      if (!isRaftError(error)) throw error
      if (error.outcome !== 'not-applied') this.writes.recordUnknown(key, value)
    }
  }

  async #readCounters(timeoutMs = TIMEOUT_MS): Promise<Map<string, number>> {
    const answer = await this.#cluster.raftClient.query({ type: 'list', prefix: PREFIX, limit: KEYS }, { timeoutMs })
    const entries = answer.type === 'listed' ? answer.entries : []
    return new Map(entries.map(({ key, value }) => [key, Number(Buffer.from(value).toString())]))
  }
}
