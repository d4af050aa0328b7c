/** The complete state of a simulation as plain data: the source of printed nodes and of the state hash. Field names are hashed too. */
import type { NodeStatus } from '../../contracts/node-service.ts'
import type { HardState, LogIndex, NodeId, SnapshotInfo, Term } from '../../core/types.ts'
import { concatBytes } from '../../platform/bytes.ts'
import { sha256 } from '../../platform/checksums.ts'
import type { NodeView } from '../properties/cluster-view.ts'
import type { PropertyMonitor } from '../properties/property-monitor.ts'
import { formatBlocks } from '../text/format-message.ts'
import type { LedgerMachine } from './ledger-machine.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { NetworkState, SimulatedNetwork } from './simulated-network.ts'
import type { SimulatedNode } from './simulated-node.ts'
import { userSnapshot } from './user-snapshot.ts'
import type { VirtualTime } from './virtual-clock.ts'

export interface MachineState {
  readonly commands: number
  /** The last command with its index, or '-'. */
  readonly last: string
  readonly digest: string
  /** The digest of the snapshot of the user's machine, or why it has none; undefined without a machine. */
  readonly triedDigest: string | undefined
}

export interface SnapshotFileState {
  readonly id: string
  readonly bytes: number
  readonly digest: string
}

export interface DiskState {
  readonly directoryId: string
  readonly hardState: HardState
  readonly snapshot: SnapshotInfo | undefined
  /** The blocks, as '[1@1:noop 2-3@1]'. `logDigest` covers their bytes. */
  readonly log: string
  readonly logDigest: string
  /** The number of writes that a crash may lose. */
  readonly unsyncedWrites: number
  readonly files: readonly SnapshotFileState[]
  readonly partialFiles: readonly SnapshotFileState[]
  readonly failure: string | undefined
  readonly freeBytes: number
  /** Descriptions of the damaged parts. */
  readonly damaged: readonly string[]
}

export interface NodeState {
  readonly id: NodeId
  /** 'starting': the process runs, and the node in it has not started yet. 'removed': it learned of its removal and does not restart. */
  readonly life: 'up' | 'starting' | 'down' | 'removed'
  readonly isPaused: boolean
  /** The reading of its own clock. */
  readonly clockMs: number | undefined
  /** The node's status, without what depends on the release: its version, and those of the protocol. */
  readonly core: Omit<NodeStatus, 'version' | 'protocol'> | undefined
  /** The log in the core: the terms of the entries after `base`. */
  readonly log: { readonly base: LogIndex; readonly terms: readonly (Term | undefined)[] } | undefined
  readonly machine: MachineState | undefined
  readonly disk: DiskState
}

export interface WorldState {
  /** The number of events executed so far. */
  readonly event: number
  readonly timeUs: number
  /** The highest index that any node knows to be committed. */
  readonly committed: LogIndex
  /** The number of events scheduled so far, and the time of the next. */
  readonly scheduled: number
  readonly nextUs: number | undefined
  readonly network: NetworkState
  readonly nodes: readonly NodeState[]
}

export interface SimulationParts {
  readonly time: VirtualTime
  readonly monitor: PropertyMonitor
  readonly network: SimulatedNetwork
  readonly nodes: readonly SimulatedNode[]
  readonly clones: readonly SimulatedNode[]
}

/** Reads the complete state without changing anything. */
export async function worldState(world: SimulationParts): Promise<WorldState> {
  const { time, monitor, network } = world
  const nodes: NodeState[] = []
  for (const node of [...world.nodes, ...world.clones])
    nodes.push(await nodeState(node, monitor.view.node(node.process)))
  return {
    event: time.executed,
    timeUs: time.nowUs,
    committed: monitor.view.committedLog.lastIndex,
    scheduled: time.scheduled,
    nextUs: time.nextUs(),
    network: network.state(),
    nodes,
  }
}

/** Sixteen hexadecimal digits: equal for equal states, in any process. */
export function hashOf(state: WorldState): string {
  return digest(JSON.stringify(state))
}

async function nodeState(node: SimulatedNode, view: NodeView): Promise<NodeState> {
  return {
    id: node.process,
    life: processStateOf(node),
    isPaused: node.clock?.isPaused ?? false,
    clockMs: node.clock?.now(),
    core: node.node === undefined ? undefined : coreStateOf(node.node.statusNow()),
    log: node.isRunning && view.status !== undefined ? logOf(view) : undefined,
    machine: node.machine === undefined ? undefined : await machineState(node.machine),
    disk: diskState(node.disk),
  }
}

function coreStateOf({ version: _, protocol: __, ...status }: NodeStatus): Omit<NodeStatus, 'version' | 'protocol'> {
  return status
}

function processStateOf({ isRemoved, isRunning, node }: SimulatedNode): NodeState['life'] {
  if (isRemoved) return 'removed'
  if (!isRunning) return 'down'
  return node === undefined ? 'starting' : 'up'
}

function logOf({ log }: NodeView): NodeState['log'] {
  const base = log.baseIndex
  return { base, terms: Array.from({ length: log.lastIndex - base }, (_, offset) => log.termAt(base + 1 + offset)) }
}

async function machineState({ commands, userMachine }: LedgerMachine): Promise<MachineState> {
  const [index, command] = [...commands].at(-1) ?? []
  const tried = userMachine === undefined ? undefined : await userSnapshot(userMachine)
  return {
    commands: commands.size,
    last: index === undefined ? '-' : `${command} at ${index}`,
    digest: digest(JSON.stringify([...commands])),
    triedDigest: tried instanceof Uint8Array ? digest(tried) : tried,
  }
}

function diskState({ memory, failure, freeBytes, damage }: SimulatedDisk): DiskState {
  const { hardState, snapshot, log } = memory.view
  const filesOf = (files: typeof memory.files): SnapshotFileState[] =>
    [...files].map(([id, { size, chunks }]) => ({ id, bytes: size, digest: digest(concatBytes(chunks)) }))
  return {
    directoryId: memory.directoryId,
    hardState,
    snapshot,
    log: formatBlocks(log.blocks),
    logDigest: digest(concatBytes(log.blocks.map(({ bytes }) => bytes))),
    unsyncedWrites: memory.unsyncedWrites,
    files: filesOf(memory.files),
    partialFiles: filesOf(memory.partials),
    failure,
    freeBytes,
    damaged: damage.descriptions,
  }
}

function digest(bytes: string | Uint8Array): string {
  return sha256(bytes).slice(0, 16)
}
