/** Counts in the cluster, a few writes a second, for as long as the demo runs: so that there is something to lose. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isRaftError } from '../../errors.ts'
import type { KvClient } from '../kv-client.ts'
import { AcknowledgedWrites } from './acknowledged-writes.ts'

const PREFIX = 'demo/counter/'
/** The count goes round these many keys, so that it can go on for ever. */
const KEYS = 100
const PAUSE_MS = 40
const TIMEOUT_MS = 3000
/** A cluster that begins may take a few elections. */
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

  /** Goes on from whatever an earlier run has counted, and returns it. */
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

  /** Resolves with the next acknowledgement. */
  nextAcknowledged(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Reads everything back, linearizably, and returns how many acknowledged writes are lost: 0, or this is not Raft. */
  async countLost(): Promise<number> {
    return this.writes.lostKeys(await this.#readCounters()).length
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
