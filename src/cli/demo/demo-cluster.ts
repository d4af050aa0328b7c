/** The processes of the demo: starts, kills and restarts them, and tracks the leader. All of them end with this process. */
import type { NodeEvent } from '../../contracts/observer.ts'
import type { NodeId } from '../../core/types.ts'
import { Feed } from '../../http/dashboard/feed.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { nodeTlsFlags } from './demo-certificates.ts'
import { DemoLinks } from './demo-links.ts'
import type { DemoPlan, PlannedNode } from './demo-plan.ts'
import { DEMO_CLUSTER } from './demo-plan.ts'
import type { ProcessExit } from './node-process.ts'
import { NodeProcess } from './node-process.ts'

/** A node that has not reported its start after this time has failed to start. */
const START_TIMEOUT_MS = 20_000
const STOP_GRACE_MS = 8000

export interface Leadership {
  readonly id: NodeId
  readonly term: number
  /** When this process received the event, by performance.now(). */
  readonly at: number
}

export interface DemoWatcher {
  onLeader(leadership: Leadership, before: Leadership | undefined): void
  /** Called when a node exits that the demo did not stop; `led` is its leadership if it was the leader. */
  onNodeExit(id: NodeId, exit: ProcessExit, led: Leadership | undefined): void
}

export class DemoCluster {
  readonly plan: DemoPlan
  /** What the dashboards of all nodes show. */
  readonly feed: Feed = new Feed()
  readonly links: DemoLinks
  readonly #watcher: DemoWatcher
  readonly #processes = new Map<NodeId, NodeProcess>()
  /** Where each node serves metrics and checks, by id: a restarted node uses the same port. */
  readonly #http = new Map<NodeId, string>()
  #leadership: Leadership | undefined
  #hasOldData = false
  #waiters: { readonly matches: (event: NodeEvent, id: NodeId) => boolean; readonly resolve: () => void }[] = []

  constructor(plan: DemoPlan, watcher: DemoWatcher) {
    this.plan = plan
    this.#watcher = watcher
    this.links = new DemoLinks(plan.nodes)
    this.links.onChanged = (cut) => this.feed.publish({ type: 'links', at: Date.now(), cut })
    process.on('exit', () => this.#killAllNow())
  }

  get processes(): readonly NodeProcess[] {
    return this.plan.nodes.flatMap(({ id }) => this.#processes.get(id) ?? [])
  }

  /** The leader of the newest term; undefined if its process has ended. */
  get leader(): Leadership | undefined {
    const { id } = this.#leadership ?? {}
    return id !== undefined && this.isUp(id) ? this.#leadership : undefined
  }

  /** True if a node found data of an earlier run. */
  get hasOldData(): boolean {
    return this.#hasOldData
  }

  get hasMajority(): boolean {
    return this.processes.filter((each) => each.isAlive).length > this.plan.nodes.length / 2
  }

  isUp(id: NodeId): boolean {
    return this.#processes.get(id)?.isAlive === true
  }

  pid(id: NodeId): number | undefined {
    return this.#processes.get(id)?.pid
  }

  /** Where a node serves metrics and checks. */
  http(id: NodeId): string | undefined {
    return this.#http.get(id)
  }

  /** Starts all nodes. Rejects with the error of the first one that cannot start. */
  async start(): Promise<void> {
    await this.links.open()
    await Promise.all(this.plan.nodes.map((planned) => this.#spawn(planned, ['--peers', this.#peers()])))
  }

  async kill(id: NodeId): Promise<void> {
    await this.#processes.get(id)?.kill()
  }

  /** Restarts a node with its data. */
  async restart(id: NodeId): Promise<void> {
    await this.#spawn(this.#planned(id), ['--peers', this.#peers()])
  }

  /** Starts a node without data that was added as a new member under its old id. */
  async join(id: NodeId): Promise<void> {
    const others = this.plan.nodes.filter((node) => node.id !== id && this.isUp(node.id))
    await this.#spawn(this.#planned(id), ['--join', others.map(({ address }) => address).join(',')])
  }

  /** Resolves with the leader of a newer term than `afterTerm`, or undefined after the timeout. */
  async newLeader(afterTerm: number, timeoutMs: number): Promise<Leadership | undefined> {
    const isNewer = (): boolean => (this.#leadership?.term ?? 0) > afterTerm
    if (!isNewer()) await this.#waitForEvent(isNewer, timeoutMs)
    return isNewer() ? this.#leadership : undefined
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.stop(STOP_GRACE_MS)))
    await this.links.close()
  }

  async #spawn(planned: PlannedNode, origin: readonly string[]): Promise<void> {
    const { id, address, dataDir } = planned
    const data = dataDir === undefined ? ['--memory'] : ['--data-dir', dataDir]
    const http = ['--http', this.#http.get(id) ?? '127.0.0.1:0']
    const routes = this.links.routesOf(id)
    let failed: (exit: ProcessExit) => void = () => undefined
    const failure = new Promise<ProcessExit>((resolve) => {
      failed = resolve
    })
    const started = this.#waitForEvent((event, who) => event.type === 'started' && who === id, START_TIMEOUT_MS)
    let hasStarted = false
    const child = new NodeProcess({
      planned,
      args: [
        ...['--id', id, '--listen', address, '--cluster', DEMO_CLUSTER],
        ...(routes === undefined ? [] : ['--routes', routes]),
        ...http,
        ...data,
        ...origin,
        ...nodeTlsFlags(this.plan, id),
      ],
      onEvent: (event) => this.#onEvent(id, event),
      onHttp: (address) => this.#http.set(id, address),
      onShown: (message) => this.feed.publish(message),
      onExit: (exit) => {
        this.feed.publish({ type: 'down', node: id, at: Date.now() })
        const led = this.#leadership?.id === id ? this.#leadership : undefined
        if (hasStarted && exit.isUnexpected) this.#watcher.onNodeExit(id, exit, led)
        failed(exit)
      },
    })
    this.#processes.set(id, child)
    const first = await Promise.race([started, failure])
    if (first !== true) throw startFailure(child, first === false ? undefined : first)
    hasStarted = true
  }

  #onEvent(id: NodeId, event: NodeEvent): void {
    if (event.type === 'started' && !event.isNew) this.#hasOldData = true
    if (event.type === 'becameLeader' && event.term > (this.#leadership?.term ?? 0)) {
      const before = this.#leadership
      this.#leadership = { id, term: event.term, at: performance.now() }
      this.#watcher.onLeader(this.#leadership, before)
    }
    const done = this.#waiters.filter(({ matches }) => matches(event, id))
    this.#waiters = this.#waiters.filter((each) => !done.includes(each))
    for (const { resolve } of done) resolve()
  }

  /** Resolves with true when an event matches, or with false after the timeout. */
  #waitForEvent(matches: (event: NodeEvent, id: NodeId) => boolean, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs)
      const done = (): void => {
        clearTimeout(timer)
        resolve(true)
      }
      this.#waiters.push({ matches, resolve: done })
    })
  }

  #peers(): string {
    return this.plan.nodes.map(({ id, address }) => `${id}=${address}`).join(',')
  }

  #planned(id: NodeId): PlannedNode {
    const planned = this.plan.nodes.find((node) => node.id === id)
    if (planned === undefined) throw new CommandFailure(`the demo has no node ${id}`)
    return planned
  }

  #killAllNow(): void {
    for (const each of this.#processes.values()) each.killNow()
  }
}

function startFailure(child: NodeProcess, exit: ProcessExit | undefined): CommandFailure {
  const { id, logFile } = child.planned
  const how = exit === undefined ? `has not started after ${START_TIMEOUT_MS} ms` : 'could not start'
  return new CommandFailure(`${id} ${how}:\n${child.lastError()}`, {
    exitCode: exit?.exitCode ?? EXIT.software,
    hint: `read its log in ${logFile}`,
  })
}
