/** Runs a scenario: holds the bare cores and the messages in flight, and checks the safety properties. */
import type { Effects } from '../../core/effects.ts'
import { bootstrapMembership, EMPTY_MEMBERSHIP } from '../../core/membership/membership.ts'
import type { Message, Outgoing } from '../../core/messages.ts'
import type { RaftOptions } from '../../core/options.ts'
import { RAFT_DEFAULTS } from '../../core/options.ts'
import type { Membership, NodeId, SnapshotInfo } from '../../core/types.ts'
import type { Observation } from '../properties/observation.ts'
import { PropertyMonitor } from '../properties/property-monitor.ts'
import { formatEffects } from '../text/format-effects.ts'
import { formatMessage } from '../text/format-message.ts'
import type { ScenarioHost } from './scenario-node.ts'
import { ScenarioNode } from './scenario-node.ts'

export interface InFlight {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message
  /** An AppendEntries without blocks, or a positive response to one. */
  readonly isHeartbeat: boolean
  readonly isCopy: boolean
}

/** More messages in one command are considered an endless exchange. */
const DELIVERIES_MAX = 10_000

const WAKES_MAX = 10_000

export class ScenarioRunner implements ScenarioHost {
  readonly #nodes = new Map<NodeId, ScenarioNode>()
  readonly #monitor = new PropertyMonitor()
  #inFlight: InFlight[] = []
  readonly #cuts = new Set<string>()
  readonly #paused = new Set<NodeId>()
  #lines: string[] = []
  #hasStarted = false
  #isAnsweringHeartbeat = false
  /** These suppress output: all of it, heartbeats, and the events of detected pauses. */
  isQuiet = false
  hidesHeartbeats = false
  hidesPauses = false
  options: Partial<RaftOptions> = {}
  /** The last number given to a proposal, read, change or transfer. */
  #lastNumber = 0

  /** Creates the bootstrap members and the nodes that join later. */
  setCluster(voters: readonly NodeId[], learners: readonly NodeId[], joining: readonly NodeId[]): void {
    const all = [...voters, ...learners]
    const bootstrap = bootstrapMembership(Object.fromEntries(all.map((id) => [id, addressOf(id)])))
    const membership = { ...bootstrap, voters: bootstrap.voters.filter((id) => voters.includes(id)), learners }
    for (const id of all) this.#add(id, membership)
    for (const id of joining) this.#add(id, EMPTY_MEMBERSHIP)
  }

  #add(id: NodeId, membership: Membership): void {
    const options = { ...RAFT_DEFAULTS, ...this.options, id, seed: seedOf(id) }
    this.#nodes.set(id, new ScenarioNode(options, membership, this))
  }

  /** The nodes before their start, when `logs` and `terms` may prepare their disks. */
  get unstartedNodes(): ReadonlyMap<NodeId, ScenarioNode> {
    if (this.#hasStarted) throw new Error('logs and terms must come before the first command that starts the nodes')
    return this.#nodes
  }

  /** The nodes; the first access starts them. */
  get nodes(): readonly ScenarioNode[] {
    if (!this.#hasStarted) {
      this.#hasStarted = true
      for (const node of this.#nodes.values()) node.start()
    }
    return [...this.#nodes.values()]
  }

  /** The node with this id. `leader` is the leader of the highest term, or the first node if there is none. */
  node(id: NodeId | undefined): ScenarioNode {
    const node = id === 'leader' ? this.#leader : this.nodes.find((candidate) => candidate.id === id)
    if (node === undefined) throw new Error(`unknown node ${id}`)
    return node
  }

  get #leader(): ScenarioNode | undefined {
    const leaders = this.nodes.filter(({ status }) => status?.role === 'leader')
    leaders.sort((one, other) => (other.status?.term ?? 0) - (one.status?.term ?? 0))
    return leaders[0] ?? this.nodes[0]
  }

  nextNumber(): number {
    return ++this.#lastNumber
  }

  /** The lines printed since the last call. */
  takeLines(): string[] {
    const lines = this.#lines
    this.#lines = []
    return lines
  }

  printLine(line: string): void {
    if (!this.isQuiet) this.#lines.push(line)
  }

  printEffects(node: NodeId, effects: Effects): void {
    const events = this.hidesPauses ? effects.events.filter(({ type }) => type !== 'paused') : effects.events
    for (const line of formatEffects(node, { ...effects, events })) this.printLine(line)
  }

  observe(observation: Observation): void {
    this.#monitor.observe(observation)
  }

  send(from: NodeId, outgoing: readonly Outgoing[]): void {
    for (const { to, message } of outgoing) {
      this.observe({ type: 'sent', from, to, message })
      if (this.#cuts.has(`${from}>${to}`)) continue
      const isHeartbeat = isEmptyAppend(message) || (this.#isAnsweringHeartbeat && isAcceptance(message))
      this.#inFlight.push({ from, to, message: this.#withMemberships(from, message), isHeartbeat, isCopy: false })
    }
  }

  /** The core's blocks carry metadata only; this adds the memberships from the sender's disk or memory. */
  #withMemberships(from: NodeId, message: Message): Message {
    if (message.type !== 'AppendEntriesRequest') return message
    return { ...message, blocks: message.blocks.map((block) => this.#node(from).fullBlock(block)) }
  }

  #node(id: NodeId): ScenarioNode {
    return this.#nodes.get(id) as ScenarioNode
  }

  hasSnapshot(id: NodeId, snapshot: SnapshotInfo): boolean {
    const node = this.#nodes.get(id)
    return node?.isUp === true && node.disk.files.has(snapshot.id)
  }

  /** The messages in flight, in the order in which they were sent. */
  get inFlight(): readonly InFlight[] {
    return this.#inFlight
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cuts.has(`${from}>${to}`)
  }

  isPaused(id: NodeId): boolean {
    return this.#paused.has(id)
  }

  /** Stops the process of a node without ending it: its clock runs, and messages to it stay in flight. */
  pause(id: NodeId): void {
    this.#paused.add(id)
  }

  resume(id: NodeId): void {
    this.#paused.delete(id)
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}>${to}`)
    this.drop((flight) => flight.from === from && flight.to === to)
  }

  heal(): void {
    this.#cuts.clear()
  }

  /** Delivers at most `max` matching messages of those now in flight, in order. Returns how many. */
  deliver(matches: (flight: InFlight) => boolean, max: number): number {
    const arriving = this.#inFlight.filter((flight) => matches(flight) && !this.#paused.has(flight.to)).slice(0, max)
    const leaving = new Set(arriving)
    this.#inFlight = this.#inFlight.filter((flight) => !leaving.has(flight))
    for (const flight of arriving) this.#arrive(flight)
    return arriving.length
  }

  /** Drops the first matching messages, by default all. */
  drop(matches: (flight: InFlight) => boolean, max: number = Number.POSITIVE_INFINITY): void {
    const lost = new Set(this.#inFlight.filter(matches).slice(0, max))
    this.#inFlight = this.#inFlight.filter((flight) => !lost.has(flight))
  }

  /** Delivers messages until none is in flight, except to paused nodes. */
  stabilize(): void {
    for (let delivered = 0; this.deliver(() => true, 1) > 0; delivered++)
      if (delivered > DELIVERIES_MAX)
        throw new Error(`the nodes still exchange messages after ${DELIVERIES_MAX} deliveries`)
  }

  /** Adds a copy of each matching message after all others; copies are not copied again. */
  copy(matches: (flight: InFlight) => boolean): void {
    const copies = this.#inFlight.filter((flight) => !flight.isCopy && matches(flight))
    this.#inFlight.push(...copies.map((flight) => ({ ...flight, isCopy: true })))
  }

  #arrive({ from, to, message, isHeartbeat }: InFlight): void {
    const node = this.#nodes.get(to)
    if (node?.isUp !== true) return
    if (!this.hidesHeartbeats || !isHeartbeat) this.printLine(formatMessage(from, to, message))
    this.#isAnsweringHeartbeat = isHeartbeat
    node.step([{ type: 'receive', from, message }])
    this.#isAnsweringHeartbeat = false
  }

  /** Advances every clock and fires timeouts when they are due, in order. With `delivers`, messages are delivered at once. */
  advanceClocks(ms: number, delivers: boolean): void {
    const ends = new Map(this.nodes.map((node) => [node.id, node.now + ms]))
    const leftOf = (node: ScenarioNode): number => (ends.get(node.id) as number) - node.now
    const dueIn = (node: ScenarioNode): number => Math.max(0, node.wakeAt - node.now)
    for (let wakes = 0; ; wakes++) {
      if (wakes > WAKES_MAX) throw new Error(`more than ${WAKES_MAX} timeouts in ${ms} ms`)
      const due = this.nodes.filter((node) => this.#runs(node) && dueIn(node) <= leftOf(node))
      if (due.length === 0) break
      const next = due.reduce((one, other) => (dueIn(other) < dueIn(one) ? other : one))
      const passed = dueIn(next)
      for (const node of this.nodes) node.now += Math.min(passed, leftOf(node))
      next.step([{ type: 'timeout' }])
      if (delivers) this.stabilize()
    }
    for (const node of this.nodes) node.now = ends.get(node.id) as number
  }

  #runs(node: ScenarioNode): boolean {
    return node.isUp && !this.#paused.has(node.id)
  }
}

export function addressOf(id: NodeId): string {
  return `${id}:1`
}

function seedOf(id: NodeId): number {
  let seed = 7
  for (const character of id) seed = (Math.imul(seed, 31) + (character.codePointAt(0) ?? 0)) >>> 0
  return seed
}

function isEmptyAppend(message: Message): boolean {
  return message.type === 'AppendEntriesRequest' && message.blocks.length === 0
}

function isAcceptance(message: Message): boolean {
  return message.type === 'AppendEntriesResponse' && message.isAccepted
}
