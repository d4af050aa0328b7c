/** A cluster of real processes, with real disks, and faults that are real too. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KvCluster } from '../../src/cli/kv-cluster.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import { isRaftError } from '../../src/errors.ts'
import type { Finished, Running } from './command.ts'
import { start } from './command.ts'
import { Links } from './links.ts'
import type { Writers } from './writers.ts'

/** Fast elections, and snapshots while the faults go on. */
const LIMITS = ['--election-timeout', '400-800ms', '--heartbeat', '50ms', '--snapshot-entries', '200']
const PAGE = 1000

export class RealCluster {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'quorate-e2e-'))
  readonly ids: string[] = []
  readonly links: Links = new Links()
  readonly #ports = new Map<string, number>()
  readonly #nodes = new Map<string, Running>()
  readonly #first: readonly string[]
  /** One for all questions: a new one for each would cost more than the answers. */
  #asking: KvCluster | undefined

  private constructor(first: readonly string[]) {
    this.#first = first
  }

  static async started(...ids: readonly string[]): Promise<RealCluster> {
    const cluster = new RealCluster(ids)
    for (const id of ids) await cluster.place(id)
    for (const id of ids) cluster.start(id)
    await cluster.leader()
    return cluster
  }

  /** A place on the network for a node. */
  async place(id: string): Promise<void> {
    const port = await freePort()
    this.ids.push(id)
    await this.#asking?.client.close()
    this.#asking = undefined
    this.#ports.set(id, port)
    await this.links.add(id, port)
  }

  /** Where clients reach the nodes, past the links that may be cut. */
  get endpoints(): string[] {
    return this.ids.map((id) => this.endpoint(id))
  }

  endpoint(id: string): string {
    return `127.0.0.1:${this.#ports.get(id)}`
  }

  /** Starts a node, new or with its data; `origin` stands for the first members unless said otherwise. */
  start(id: string, directory: string = id, origin: readonly string[] = this.#peers()): Running {
    const words = ['--id', id, '--listen', this.endpoint(id), '--advertise', this.links.addresses[id] ?? '']
    const data = ['--data-dir', join(this.directory, directory)]
    const node = start(['serve', ...words, ...data, '--cluster', 'e2e', ...origin, ...LIMITS])
    this.#nodes.set(id, node)
    return node
  }

  /** As a node that was added to the running cluster. */
  join(id: string, directory: string = id): Running {
    const others = this.ids.filter((each) => each !== id).map((each) => this.endpoint(each))
    return this.start(id, directory, ['--join', others.join(',')])
  }

  #peers(): string[] {
    return ['--peers', this.#first.map((id) => `${id}=${this.links.addresses[id]}`).join(',')]
  }

  signal(id: string, signal: NodeJS.Signals): void {
    this.#nodes.get(id)?.child.kill(signal)
  }

  async kill(id: string): Promise<Finished> {
    this.signal(id, 'SIGKILL')
    return this.ended(id)
  }

  ended(id: string): Promise<Finished> {
    const node = this.#nodes.get(id)
    assert.ok(node !== undefined, `${id} was never started`)
    return node.finished
  }

  client(): KvCluster {
    return new KvCluster({ endpoints: this.endpoints, timeoutMs: 5000 })
  }

  async statuses(): Promise<NodeStatus[]> {
    const said = await this.#client.status({ timeoutMs: 1000 })
    const byId = new Map(said.flatMap((each) => ('status' in each ? [[each.status.id, each.status] as const] : [])))
    return [...byId.values()]
  }

  get #client(): KvCluster['client'] {
    this.#asking ??= this.client()
    return this.#asking.client
  }

  /** The leader that a majority of all placed nodes agrees on, other than `not`. */
  async leader(not?: string): Promise<string> {
    return eventually('a leader', async () => {
      const statuses = await this.statuses()
      const term = Math.max(0, ...statuses.map((status) => status.term))
      const named = statuses.filter((status) => status.term === term).flatMap((status) => status.leader ?? [])
      const leader = named.find((id) => named.filter((each) => each === id).length > this.ids.length / 2)
      return leader === not ? undefined : leader
    })
  }

  /** Every node has applied the same, everything that was acknowledged is there, and nothing that was refused. */
  async assertNothingLost(writers: Writers): Promise<void> {
    await this.assertEqual()
    const stored = await this.keys()
    const lost = [...writers.acknowledged].filter((key) => !stored.has(key))
    assert.deepEqual(lost, [], `${lost.length} of ${writers.acknowledged.size} acknowledged writes are lost`)
    const undead = [...writers.refused].filter((key) => stored.has(key))
    assert.deepEqual(undead, [], `${undead.length} writes that were surely not applied are there`)
    assert.ok(writers.acknowledged.size > 0)
  }

  /** All nodes, asked each for what it has itself, give the same digest at the same index. */
  async assertEqual(): Promise<void> {
    const digests = await eventually('equal nodes', async () => {
      const statuses = await this.statuses()
      const applied = new Set(statuses.map((status) => status.appliedIndex))
      if (statuses.length < this.ids.length || applied.size > 1) return undefined
      return this.#digests()
    })
    assert.equal(new Set(digests).size, 1, `the nodes differ: ${digests.join(', ')}`)
  }

  async #digests(): Promise<string[]> {
    const client = this.#client
    const asked = this.endpoints.map((endpoint) => client.query({ type: 'digest' }, { mode: 'local', endpoint }))
    return (await Promise.all(asked)).map((answer) =>
      answer.type === 'digest' ? `${answer.count} ${answer.digest}` : answer.type,
    )
  }

  /** Every key, read linearizably. */
  async keys(): Promise<Set<string>> {
    const keys = new Set<string>()
    for (let after: string | undefined; ; ) {
      const answer = await this.#client.query({ type: 'list', prefix: '', limit: PAGE, after })
      assert.ok(answer.type === 'listed')
      for (const { key } of answer.entries) keys.add(key)
      if (!answer.more) return keys
      after = answer.entries.at(-1)?.key
    }
  }

  async close(): Promise<void> {
    for (const id of this.#nodes.keys()) this.signal(id, 'SIGKILL')
    await Promise.all([...this.#nodes.values()].map((node) => node.finished))
    await this.#asking?.client.close()
    this.links.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Tries until there is a value, or the patience of a test is over. */
export async function eventually<Value>(
  what: string,
  attempt: () => Promise<Value | undefined>,
  timeoutMs = 20_000,
): Promise<Value> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const value = await attempt()
      if (value !== undefined) return value
    } catch (error) {
      if (!isRaftError(error)) throw error
      last = error
    }
    await sleep(50)
  }
  throw new Error(`there was no ${what} within ${timeoutMs} ms${last === undefined ? '' : `: ${String(last)}`}`)
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
