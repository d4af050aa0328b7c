/** Counts in the cluster, a few writes a second, for as long as the demo runs: so that there is something to lose. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isRaftError } from '../../errors.ts'
import type { KvCluster } from '../kv-cluster.ts'
import { Ledger } from './ledger.ts'

const PREFIX = 'demo/counter/'
/** The count goes round these many keys, so that it can go on for ever. */
const KEYS = 100
const PAUSE_MS = 40
const TIMEOUT_MS = 3000
/** A cluster that begins may take a few elections. */
const START_TIMEOUT_MS = 20_000

export class Counter {
  readonly ledger: Ledger = new Ledger()
  readonly #cluster: KvCluster
  readonly #stop = new AbortController()
  #count = 0
  #running: Promise<void> | undefined
  #waiting: (() => void)[] = []

  constructor(cluster: KvCluster) {
    this.#cluster = cluster
  }

  /** Goes on from whatever an earlier run has counted, and returns it. */
  async start(): Promise<number> {
    const stored = await this.#stored(START_TIMEOUT_MS)
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
  async lost(): Promise<number> {
    return this.ledger.missing(await this.#stored()).length
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
      await this.#cluster.client.propose({ type: 'put', key, value: Buffer.from(String(value)) }, options)
      this.ledger.acknowledge(key, value)
      for (const resolve of this.#waiting.splice(0)) resolve()
    } catch (error) {
      if (!isRaftError(error)) throw error
      if (error.outcome !== 'not-applied') this.ledger.doubt(key, value)
    }
  }

  async #stored(timeoutMs = TIMEOUT_MS): Promise<Map<string, number>> {
    const answer = await this.#cluster.client.query({ type: 'list', prefix: PREFIX, limit: KEYS }, { timeoutMs })
    const entries = answer.type === 'listed' ? answer.entries : []
    return new Map(entries.map(({ key, value }) => [key, Number(Buffer.from(value).toString())]))
  }
}
