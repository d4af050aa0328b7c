/** The releases of the nodes of a cluster and the protocol between them, with a warning about a mix. */
import type { MachineVersions, ProtocolVersions } from '../../contracts/node-service.ts'
import type { NodeId } from '../../core/types.ts'
import { plainTable } from '../plain-table.ts'
import type { StatusReport } from './status-report.ts'

export interface VersionRow {
  readonly id: NodeId
  readonly address: string
  /** Undefined if the node does not answer. */
  readonly release: string | undefined
  /** Why it does not answer, if it does not. */
  readonly problem: string | undefined
  readonly storage: string | undefined
  readonly peerTransport: string | undefined
  /** Undefined for a release that does not tell. */
  readonly protocol: ProtocolVersions | undefined
  /** Undefined for a release that does not tell. */
  readonly machine: MachineVersions | undefined
}

export interface VersionReport {
  readonly schema: 'quorate.version/v1'
  readonly cluster: string
  /** The releases of the nodes that answer. */
  readonly releases: readonly string[]
  /** The lowest and the highest version in use between any two nodes; undefined if no node tells. */
  readonly protocolInUse: { readonly min: number; readonly max: number } | undefined
  /** The machine version in force: the highest that a node has applied; undefined if no node tells. */
  readonly machineVersion: number | undefined
  readonly nodes: readonly VersionRow[]
  readonly warnings: readonly string[]
}

export function buildVersionReport({ cluster, nodes: rows }: StatusReport): VersionReport {
  const nodes = rows.map(({ id, address, version, problem, storage, peerTransport, protocol, machine }) => ({
    ...{ id, address, release: version, problem, storage, peerTransport, protocol, machine },
  }))
  const releases = [...new Set(nodes.flatMap(({ release }) => release ?? []))].sort(byNumber)
  const protocolInUse = rangeOf(nodes.flatMap(inUse))
  const inForce = nodes.flatMap(({ machine }) => machine?.inForce ?? [])
  const machineVersion = inForce.length === 0 ? undefined : Math.max(...inForce)
  const mixes = [...mixOfReleases(nodes, releases), ...mixOfProtocols(nodes), ...mixOfMachines(nodes)]
  const warnings = [...mixes, ...unknown(nodes)]
  return { schema: 'quorate.version/v1', cluster, releases, protocolInUse, machineVersion, nodes, warnings }
}

function inUse({ protocol }: VersionRow): number[] {
  return protocol === undefined ? [] : protocol.peers.map(({ version }) => version)
}

function rangeOf(versions: readonly number[]): { readonly min: number; readonly max: number } | undefined {
  return versions.length === 0 ? undefined : { min: Math.min(...versions), max: Math.max(...versions) }
}

function mixOfReleases(nodes: readonly VersionRow[], releases: readonly string[]): string[] {
  if (releases.length < 2) return []
  const groups = releases.map((release) => {
    const ids = nodes.filter((node) => node.release === release).map(({ id }) => id)
    return `${release} (${ids.join(', ')})`
  })
  return [
    `the nodes run ${releases.length} releases: ${groups.join(', ')}. Upgrade the others too, one after the other.`,
  ]
}

/** Two nodes that could both use a newer version than a third supports use the older one with it only. */
function mixOfProtocols(nodes: readonly VersionRow[]): string[] {
  const newest = Math.max(...nodes.map(({ protocol }) => protocol?.max ?? 0))
  const older = new Map<NodeId, number>()
  for (const { id, protocol } of nodes) {
    if (protocol !== undefined && protocol.max < newest) older.set(id, protocol.max)
    for (const peer of protocol?.peers ?? []) if (peer.version < (protocol?.max ?? 0)) older.set(peer.id, peer.version)
  }
  return [...older].map(
    ([id, version]) => `${id} supports version ${version} of the protocol between nodes at most, and others ${newest}.`,
  )
}

/** The machine version rises only as far as every member supports. */
function mixOfMachines(nodes: readonly VersionRow[]): string[] {
  const newest = Math.max(...nodes.map(({ machine }) => machine?.supported ?? 1))
  const older = nodes.filter(({ release, machine }) => release !== undefined && (machine?.supported ?? 1) < newest)
  return older.map(
    ({ id, machine }) =>
      `the state machine of ${id} supports version ${machine?.supported ?? 1} at most, and others ${newest}: no newer one comes into force.`,
  )
}

function unknown(nodes: readonly VersionRow[]): string[] {
  return nodes
    .filter(({ release }) => release === undefined)
    .map(({ id, problem }) => `${id} does not answer (${problem}): its release is unknown.`)
}

/** 0.9.0 before 0.10.0. */
function byNumber(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true })
}

const HEADINGS = ['MEMBER', 'ADDRESS', 'RELEASE', 'STORAGE', 'TRANSPORT', 'PROTOCOL', 'IN USE', 'MACHINE']

export function formatVersions(report: VersionReport): string {
  const { cluster, releases, protocolInUse, machineVersion, nodes, warnings } = report
  const several = releases.length === 1 ? 'release' : 'releases'
  const used = protocolInUse === undefined ? '' : `  protocol ${shown(protocolInUse)} in use between nodes`
  const rows = nodes.map((node) => [
    ...[node.id, node.address, node.release ?? `unknown (${node.problem})`, node.storage ?? '-'],
    ...[node.peerTransport ?? '-', shown(node.protocol), shown(rangeOf(inUse(node)))],
    `${node.machine?.supported ?? '-'}`,
  ])
  const machine = machineVersion === undefined ? '' : `  machine version ${machineVersion} in force`
  const lines = warnings.map((warning) => `warning: ${warning}`)
  return [
    `${cluster}  ${several} ${releases.join(', ')}${used}${machine}`,
    plainTable(rows, HEADINGS),
    ...lines,
    '',
  ].join('\n')
}

function shown(range: { readonly min: number; readonly max: number } | undefined): string {
  if (range === undefined) return '-'
  return range.min === range.max ? String(range.min) : `${range.min} to ${range.max}`
}
