/** Clients of `lin-kv`: each sends one request at a time to a random node and records its outcome. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Body, Message } from '../../examples/maelstrom/message-stream.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import type { Operation, Result } from '../workload/operations.ts'
import { valueAfter } from '../workload/operations.ts'
import type { RotatingKey } from '../workload/rotating-keys.ts'
import { RotatingKeys } from '../workload/rotating-keys.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

export interface LinKvClientsOptions {
  readonly network: SimulatedNetwork
  readonly nodes: readonly string[]
  readonly seed: number
  readonly count: number
}

/** The timeout of Maelstrom's clients. */
const CALL_TIMEOUT_MS = 1000
const PAUSE_MS_MAX = 30

/** Maelstrom's codes for errors without any effect; 20 and 22 are results here. */
const DEFINITE_ERRORS: readonly unknown[] = [1, 10, 11, 12, 14, 21]
const KEY_DOES_NOT_EXIST = 20
const PRECONDITION_FAILED = 22

export class LinKvClients {
  readonly keys: RotatingKeys
  /** The number of successful calls so far. */
  succeeded = 0
  readonly #options: LinKvClientsOptions
  readonly #startedAt: number = performance.now()
  readonly #loops: Promise<void>[]
  #clients = 0
  #isStopped = false

  constructor(options: LinKvClientsOptions) {
    this.#options = options
    this.keys = new RotatingKeys(
      () => this.now(),
      () => undefined,
    )
    const random = new SeededRandom(options.seed)
    this.#loops = Array.from({ length: options.count }, (_, offset) =>
      this.#runClient(random.fork(`client ${offset}`), offset),
    )
  }

  now(): number {
    return Math.round((performance.now() - this.#startedAt) * 1000) / 1000
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#loops)
  }

  /** Reads every key of the run, each until a node responds. */
  async readAll(): Promise<void> {
    for (const key of this.keys.all) {
      for (let tries = 0; ; tries++) {
        const node = this.#options.nodes[tries % this.#options.nodes.length] as string
        if ((await this.#call(key, { type: 'get', key: key.name }, node)) !== 'rejected') break
        if (tries > 100) throw new Error(`no node can read ${key.name}`)
        await sleep(PAUSE_MS_MAX)
      }
    }
  }

  async #runClient(random: SeededRandom, client: number): Promise<void> {
    for (let number = 1; !this.#isStopped; number++) {
      const key = this.keys.take(random)
      const outcome = await this.#call(
        key,
        drawOperation(random, key, `${client}.${number}`),
        random.pick(this.#options.nodes),
      )
      this.keys.release(key, outcome === 'unknown')
      await sleep(random.below(PAUSE_MS_MAX))
    }
  }

  /** Uses a new client name for each call, so that a late reply is dropped, as in Maelstrom after a timeout. */
  async #call(key: RotatingKey, operation: Operation, node: string): Promise<'ok' | 'rejected' | 'unknown'> {
    const { network } = this.#options
    const client = `c${++this.#clients}`
    const open = key.history.call(client, operation)
    const body = await new Promise<Body | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), CALL_TIMEOUT_MS)
      network.register(client, ({ body }: Message) => {
        clearTimeout(timer)
        resolve(body)
      })
      network.send({ src: client, dest: node, body: { ...requestOf(operation), msg_id: 1 } })
    })
    network.unregister(client)
    const outcome = body === undefined ? undefined : resultOf(operation, body)
    if (outcome !== undefined) {
      key.likelyValue = valueAfter(operation, outcome.result)
      open.ok(outcome.result)
      this.succeeded++
      return 'ok'
    }
    const isRejected = body !== undefined && DEFINITE_ERRORS.includes(body.code)
    if (isRejected) open.rejected()
    else open.unknown()
    return isRejected ? 'rejected' : 'unknown'
  }
}

function drawOperation(random: SeededRandom, { name: key, likelyValue }: RotatingKey, value: string): Operation {
  const kind = random.below(10)
  if (kind < 4) return { type: 'get', key }
  if (kind < 7 || likelyValue === undefined) return { type: 'put', key, value }
  return { type: 'compareAndSet', key, expected: likelyValue, value }
}

function requestOf(operation: Operation): Body {
  const { key } = operation
  if (operation.type === 'get') return { type: 'read', key }
  if (operation.type === 'put') return { type: 'write', key, value: operation.value }
  if (operation.type === 'compareAndSet') return { type: 'cas', key, from: operation.expected, to: operation.value }
  throw new Error('lin-kv has no delete')
}

/** The result as the model defines it; undefined if the call has none. */
function resultOf(operation: Operation, body: Body): { readonly result: Result } | undefined {
  if (body.type === 'read_ok') return { result: body.value as string }
  if (body.type === 'write_ok') return { result: undefined }
  if (body.type === 'cas_ok') return { result: true }
  if (body.code === KEY_DOES_NOT_EXIST) return { result: operation.type === 'get' ? undefined : false }
  if (body.code === PRECONDITION_FAILED) return { result: false }
  return undefined
}
