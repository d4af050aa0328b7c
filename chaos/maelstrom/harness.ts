/** A small substitute for Maelstrom: runs nodes and clients on a simulated network, injects faults and checks the history. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from '../../examples/maelstrom/message-stream.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import type { Verdict } from '../check-history.ts'
import { checkHistory } from '../check-history.ts'
import { LinKvClients } from './lin-kv-clients.ts'
import type { SimulatedNetworkOptions } from './simulated-network.ts'
import { SimulatedNetwork } from './simulated-network.ts'

/** A started node, until it is killed. */
export interface RunningNode {
  deliver(message: Message): void
  kill(): Promise<void>
}

export interface HarnessOptions extends SimulatedNetworkOptions {
  readonly nodes: number
  readonly clients: number
  readonly forMs: number
  /** The faults continue beyond `forMs` until this many calls have succeeded. */
  readonly callsMin?: number
  /** Nodes have durable data, so they may be killed and restarted. */
  readonly mayKill: boolean
  /** Starts a node, whose messages go to `send`. */
  readonly start: (id: string, send: (message: Message) => void) => RunningNode
  readonly onLine: (line: string) => void
  readonly signal?: AbortSignal
}

export interface HarnessOutcome {
  readonly verdict: Verdict
  readonly calls: Readonly<Record<'ok' | 'rejected' | 'unknown', number>>
  readonly faults: Readonly<Record<string, number>>
  readonly delivered: number
  readonly lost: number
}

const INIT_TIMEOUT_MS = 20_000
/** How much longer than `forMs` the faults may continue. */
const CALLS_TIMEOUT_MS = 30_000

export class Harness {
  readonly #options: HarnessOptions
  readonly #network: SimulatedNetwork
  readonly #ids: readonly string[]
  readonly #nodes = new Map<string, RunningNode>()
  readonly #faults: Record<string, number> = {}
  #failure: (error: unknown) => void = () => undefined
  #inits = 0

  constructor(options: HarnessOptions) {
    this.#options = options
    this.#network = new SimulatedNetwork(options)
    this.#ids = Array.from({ length: options.nodes }, (_, offset) => `n${offset + 1}`)
  }

  async run(): Promise<HarnessOutcome> {
    const failed = new Promise<never>((_, reject) => {
      this.#failure = reject
    })
    this.#options.signal?.addEventListener('abort', () => this.#failure(this.#options.signal?.reason))
    try {
      return await Promise.race([this.#runToVerdict(), failed])
    } finally {
      await Promise.all([...this.#nodes.values()].map((node) => node.kill()))
    }
  }

  async #runToVerdict(): Promise<HarnessOutcome> {
    await Promise.all(this.#ids.map((id) => this.#startNode(id)))
    const { seed, clients: count, forMs } = this.#options
    const clients = new LinKvClients({ network: this.#network, nodes: this.#ids, seed, count })
    await this.#injectFaults(new SeededRandom(seed).fork('nemesis'), clients, forMs)
    this.#network.stopFaults()
    await sleep(forMs / 10)
    await clients.stop()
    await clients.readAll()
    const calls = { ok: 0, rejected: 0, unknown: 0 }
    for (const { history } of clients.keys.all) for (const { answer } of history) calls[answer?.type ?? 'unknown']++
    const verdict = checkHistory(clients.keys.all.map(({ name, history }) => [name, history] as const))
    const { delivered, lost } = this.#network
    return { verdict, calls, faults: this.#faults, delivered, lost }
  }

  /** Starts a node and initializes it as Maelstrom does. */
  async #startNode(id: string): Promise<void> {
    const node = this.#options.start(id, (message) => {
      try {
        this.#network.send(message)
      } catch (error) {
        this.#failure(error)
      }
    })
    this.#nodes.set(id, node)
    const src = `c-init-${++this.#inits}`
    const done = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${id} has not replied to init`)), INIT_TIMEOUT_MS)
      this.#network.register(src, () => {
        clearTimeout(timer)
        resolve()
      })
    })
    this.#network.register(id, (message) => node.deliver(message))
    this.#network.send({ src, dest: id, body: { type: 'init', msg_id: 1, node_id: id, node_ids: this.#ids } })
    await done
    this.#network.unregister(src)
  }

  async #injectFaults(random: SeededRandom, clients: LinKvClients, forMs: number): Promise<void> {
    const kinds = ['halves', 'one-way', 'bridge', ...(this.#options.mayKill ? ['kill', 'kill-all'] : [])]
    const scale = Math.min(1, forMs / 20_000)
    const isOver = (): boolean => clients.now() >= forMs && clients.succeeded >= (this.#options.callsMin ?? 0)
    while (!isOver() && clients.now() < forMs + CALLS_TIMEOUT_MS) {
      await sleep(random.between(100, 1500) * scale)
      const kind = random.pick(kinds)
      this.#faults[kind] = (this.#faults[kind] ?? 0) + 1
      const affected = await this.#injectFault(kind, random, random.between(800, 5000) * scale)
      this.#options.onLine(`${(clients.now() / 1000).toFixed(1).padStart(7)} s  ${kind.padEnd(9)} ${affected}`)
    }
  }

  async #injectFault(kind: string, random: SeededRandom, ms: number): Promise<string> {
    const left = [...this.#ids]
    const shuffled = this.#ids.map(() => left.splice(random.below(left.length), 1)[0] as string)
    const half = Math.floor(shuffled.length / 2)
    if (kind.startsWith('kill')) {
      const ids = kind === 'kill' ? shuffled.slice(0, half) : shuffled
      for (const id of ids) this.#network.unregister(id)
      await Promise.all(ids.map((id) => this.#nodes.get(id)?.kill()))
      await sleep(ms / 2)
      await Promise.all(ids.map((id) => this.#startNode(id)))
      return ids.join(' ')
    }
    if (kind === 'one-way') this.#network.cut(shuffled[0] as string, shuffled[1] as string)
    // A bridge node is in neither group: it reaches both, but they cannot reach each other.
    else this.#network.partition([shuffled.slice(0, half), shuffled.slice(kind === 'bridge' ? half + 1 : half)])
    await sleep(ms)
    this.#network.heal()
    return shuffled.join(' ')
  }
}
