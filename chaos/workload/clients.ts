/** Clients that call the service concurrently and record every call with its times and its outcome. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { KvClient } from '../../src/cli/kv-client.ts'
import { isRaftError } from '../../src/errors.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { drawOperation, perform, valueAfter } from './operations.ts'
import type { RotatingKey } from './rotating-keys.ts'
import { RotatingKeys } from './rotating-keys.ts'

export interface ClientsOptions {
  readonly seed: number
  readonly count: number
  /** Creates the connection of one client. */
  readonly connect: () => KvClient
  /** The nodes for direct reads. */
  readonly endpoints: () => readonly string[]
  /** Called for a key that receives no more calls until the end. */
  readonly onKeyRetired: (key: RotatingKey) => void
}

/** The longest pause between two calls of one client. */
const PAUSE_MS_MAX = 40
/** Gets per thousand that are sent to one random node instead of the leader. */
const DIRECT_GETS_PER_MILLE = 300

export class Clients {
  readonly keys: RotatingKeys
  /** The longest time without an acknowledged write, and when that ended. */
  longestGap: { readonly ms: number; readonly until: number } = { ms: 0, until: 0 }
  /** The number of successful calls so far. */
  succeeded = 0
  readonly #options: ClientsOptions
  readonly #startedAt: number = performance.now()
  readonly #connections: KvClient[] = []
  readonly #loops: Promise<void>[]
  #lastWriteAt = 0
  #isStopped = false

  constructor(options: ClientsOptions) {
    this.#options = options
    this.keys = new RotatingKeys(() => this.now(), options.onKeyRetired)
    const random = new SeededRandom(options.seed)
    this.#loops = Array.from({ length: options.count }, (_, offset) =>
      this.#runClient(`c${offset + 1}`, random.fork(`client ${offset}`)),
    )
  }

  /** Milliseconds since the start, rounded to microseconds. */
  now(): number {
    return Math.round((performance.now() - this.#startedAt) * 1000) / 1000
  }

  /** Rejects if a call fails with anything but a RaftError; never resolves. */
  get failure(): Promise<never> {
    return Promise.all(this.#loops).then(() => new Promise<never>(() => undefined))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.allSettled(this.#loops)
    this.#recordWrite()
    await Promise.all(this.#connections.map(({ raftClient }) => raftClient.close()))
  }

  /** Reads every key of the run once. */
  async readAll(cluster: KvClient): Promise<void> {
    const left = [...this.keys.all]
    const reader = async (): Promise<void> => {
      for (let key = left.pop(); key !== undefined; key = left.pop()) {
        const get = { type: 'get', key: key.name } as const
        await key.history.record('final', get, () => perform(cluster, get, undefined))
      }
    }
    await Promise.all(Array.from({ length: this.#options.count }, reader))
  }

  async #runClient(client: string, random: SeededRandom): Promise<void> {
    const cluster = this.#options.connect()
    this.#connections.push(cluster)
    for (let number = 1; !this.#isStopped; number++) {
      const key = this.keys.take(random)
      const operation = drawOperation(random, key.name, key.likelyValue, `${client}.${number}`)
      const isDirect = operation.type === 'get' && random.chance(DIRECT_GETS_PER_MILLE)
      const endpoint = isDirect ? random.pick(this.#options.endpoints()) : undefined
      let isUnknown = false
      try {
        const result = await key.history.record(client, operation, () => perform(cluster, operation, endpoint))
        key.likelyValue = valueAfter(operation, result)
        this.succeeded++
        if (operation.type !== 'get') this.#recordWrite()
      } catch (error) {
        if (!isRaftError(error)) throw error
        isUnknown = error.outcome !== 'not-applied'
      }
      this.keys.release(key, isUnknown)
      await sleep(random.below(PAUSE_MS_MAX))
    }
  }

  #recordWrite(): void {
    const until = this.now()
    const ms = until - this.#lastWriteAt
    if (ms > this.longestGap.ms) this.longestGap = { ms, until }
    this.#lastWriteAt = until
  }
}
