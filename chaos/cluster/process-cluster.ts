/** A cluster of processes with disks, whose processes can be killed and whose links can be disturbed. */
import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { busyPort } from '../../src/cli/demo/free-ports.ts'
import { KvClient } from '../../src/cli/kv-client.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import { kvAnswerCodec, kvQueryCodec } from '../../src/kv/index.ts'
import { eventually } from './eventually.ts'
import { Links } from './links.ts'
import { keepRunDirectory, makeRunDirectory } from './run-directory.ts'

/** How a process ended. */
export interface ProcessExit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

export interface ServeProcess<End extends ProcessExit = ProcessExit> {
  readonly child: { readonly pid?: number | undefined; kill(signal: NodeJS.Signals): boolean }
  readonly finished: Promise<End>
}

export interface ProcessClusterOptions<End extends ProcessExit> {
  readonly name: string
  /** The initial members. */
  readonly initialMembers: readonly string[]
  /** Runs `quorate` with these arguments for a node. */
  readonly command: (args: readonly string[], id: string) => ServeProcess<End>
  readonly electionTimeout: string
  readonly snapshotEntries: number
}

/** Below the ephemeral ports of common systems, so that no outgoing connection takes the port of a stopped node. */
const PORT_MIN = 12_000
const PORTS = 18_000

const STATUS_TIMEOUT_MS = 1000

const given = new Set<number>()

/**
 * A port that nothing uses. Each call returns another one, also while others are pending, and processes that run at the same time draw theirs
 * independently: a port is free until the node listens on it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORT_MIN + randomInt(PORTS)
    if (given.has(port)) continue
    given.add(port)
    if ((await busyPort(port, 1)) === undefined) return port
  }
}

export class ProcessCluster<End extends ProcessExit = ProcessExit> {
  readonly directory: string
  readonly ids: string[] = []
  readonly links: Links = new Links()
  readonly #options: ProcessClusterOptions<End>
  readonly #ports = new Map<string, number>()
  readonly #nodes = new Map<string, ServeProcess<End>>()
  readonly #running = new Set<ServeProcess<End>>()
  /** The directories of nodes whose data is not in the directory of the run. */
  readonly #directories = new Map<string, string>()
  /** Shared by all administrative calls, because a new client for each would be slower. */
  #adminClient: KvClient | undefined
  #isStopped = false

  constructor(options: ProcessClusterOptions<End>) {
    this.#options = options
    this.directory = makeRunDirectory(options.name)
  }

  /** Adds a node that is expected to run, with a port and a proxy. Does not start it. */
  async addNode(id: string): Promise<void> {
    this.ids.push(id)
    if (this.#ports.has(id)) return
    const port = await freePort()
    await this.#closeAdminClient()
    this.#ports.set(id, port)
    await this.links.add(id, port)
  }

  /** Stops expecting a node. Its port and proxy are kept. */
  async removeNode(id: string): Promise<void> {
    this.ids.splice(this.ids.indexOf(id), 1)
    await this.#closeAdminClient()
  }

  /** The addresses for clients, which bypass the proxies. */
  get endpoints(): string[] {
    return this.ids.map((id) => this.endpoint(id))
  }

  endpoint(id: string): string {
    return `127.0.0.1:${this.#ports.get(id)}`
  }

  directoryOf(id: string): string {
    return this.#directories.get(id) ?? join(this.directory, id)
  }

  /** Must be called before the node is started. */
  setDirectory(id: string, path: string): void {
    this.#directories.set(id, path)
  }

  /** Starts a node, new or with its data. `origin` contains the flags that name the cluster; default: --peers. */
  start(id: string, origin: readonly string[] = this.#peersFlags()): ServeProcess<End> {
    const node = this.#spawn(id, id, this.directoryOf(id), origin)
    this.#nodes.set(id, node)
    return node
  }

  /** Starts a second process under the id of a node, with this copy of its directory and an address and a proxy of its own. */
  async startClone(id: string, directory: string): Promise<ServeProcess<End>> {
    const name = `${id}-clone`
    if (!this.#ports.has(name)) {
      const port = await freePort()
      this.#ports.set(name, port)
      await this.links.add(name, port)
    }
    return this.#spawn(id, name, directory, this.#peersFlags())
  }

  /** `name` selects the addresses and the log of the process. */
  #spawn(id: string, name: string, directory: string, origin: readonly string[]): ServeProcess<End> {
    if (this.#isStopped) throw new Error(`cannot start ${name}: the cluster was stopped`)
    const { name: cluster, command, electionTimeout, snapshotEntries } = this.#options
    const where = ['--listen', this.endpoint(name), '--advertise', this.links.addresses[name] ?? '']
    const data = ['--data-dir', directory, '--snapshot-entries', `${snapshotEntries}`]
    const timing = ['--election-timeout', electionTimeout, '--heartbeat', '50ms']
    const node = command(['serve', '--id', id, '--cluster', cluster, ...where, ...data, ...timing, ...origin], name)
    this.#running.add(node)
    void node.finished.then(() => this.#running.delete(node))
    return node
  }

  /** Starts a node that was added to the running cluster. */
  join(id: string): ServeProcess<End> {
    const others = this.ids.filter((each) => each !== id).map((each) => this.endpoint(each))
    return this.start(id, ['--join', others.join(',')])
  }

  #peersFlags(): string[] {
    return ['--peers', this.#options.initialMembers.map((id) => `${id}=${this.links.addresses[id]}`).join(',')]
  }

  isRunning(id: string): boolean {
    const node = this.#nodes.get(id)
    return node !== undefined && this.#running.has(node)
  }

  pidOf(id: string): number | undefined {
    return this.#nodes.get(id)?.child.pid
  }

  sendSignal(id: string, signal: NodeJS.Signals): void {
    this.#nodes.get(id)?.child.kill(signal)
  }

  async kill(id: string): Promise<End> {
    this.sendSignal(id, 'SIGKILL')
    return this.exitOf(id)
  }

  exitOf(id: string): Promise<End> {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new Error(`${id} was never started`)
    return node.finished
  }

  client(timeoutMs = 5000): KvClient {
    return new KvClient({ endpoints: this.endpoints, timeoutMs })
  }

  /** A client for administrative calls, not for load. */
  get adminClient(): KvClient['raftClient'] {
    this.#adminClient ??= this.client()
    return this.#adminClient.raftClient
  }

  async statuses(): Promise<NodeStatus[]> {
    const answers = await this.adminClient.status({ timeoutMs: STATUS_TIMEOUT_MS })
    const byId = new Map(answers.flatMap((each) => ('status' in each ? [[each.status.id, each.status] as const] : [])))
    return this.ids.flatMap((id) => byId.get(id) ?? [])
  }

  /** The leader that a majority of the expected nodes report, other than `otherThan`. */
  async leader(otherThan?: string, timeoutMs?: number): Promise<string> {
    return eventually(
      'leader',
      async () => {
        const statuses = await this.statuses()
        const term = Math.max(0, ...statuses.map((status) => status.term))
        const named = statuses.filter((status) => status.term === term).flatMap((status) => status.leader ?? [])
        const leader = named.find((id) => named.filter((each) => each === id).length > this.ids.length / 2)
        return leader === otherThan ? undefined : leader
      },
      timeoutMs,
    )
  }

  /**
   * The digest of each node's local state, all taken at the same applied index. A status read before the digests does not suffice:
   * a restarted node may apply further entries in between.
   */
  async digests(timeoutMs?: number): Promise<string[]> {
    return eventually(
      'digests at the same applied index',
      async () => {
        const states = await Promise.all(this.endpoints.map((endpoint) => this.#stateOf(endpoint)))
        const indexes = new Set(states.map(({ appliedIndex }) => appliedIndex))
        return indexes.size > 1 ? undefined : states.map(({ digest }) => digest)
      },
      timeoutMs,
    )
  }

  async #stateOf(endpoint: string): Promise<{ readonly appliedIndex: number; readonly digest: string }> {
    const query = kvQueryCodec.encode({ type: 'digest' })
    const { answer: bytes, appliedIndex } = await this.adminClient.queryBytes(query, { mode: 'local', endpoint })
    const answer = kvAnswerCodec.decode(bytes)
    const digest = answer.type === 'digest' ? `${answer.count} keys ${answer.digest}` : answer.type
    return { appliedIndex, digest }
  }

  /** Kills every process. Their data stays. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const node of this.#running) node.child.kill('SIGKILL')
    await Promise.all([...this.#running].map((node) => node.finished))
    await this.#closeAdminClient()
    this.links.close()
  }

  /** Stops the cluster and keeps its directory for inspection. */
  async stopAndKeep(): Promise<void> {
    await this.stop()
    keepRunDirectory(this.directory)
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #closeAdminClient(): Promise<void> {
    await this.#adminClient?.raftClient.close()
    this.#adminClient = undefined
  }
}
