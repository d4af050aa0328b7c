/** Formats a status report as text: one line for the cluster and one row per node. */
import { plainTable } from '../plain-table.ts'
import type { NodeRow, StatusReport } from './status-report.ts'

const HEADINGS = [
  '',
  'MEMBER',
  'ROLE',
  'TERM',
  'ADDRESS',
  'LAST',
  'COMMIT',
  'APPLIED',
  'LAG',
  'SEEN',
  'LOOP',
  'DISK FREE',
  'STORAGE',
  'TRANSPORT',
  'VERSION',
]

export function formatStatus(report: StatusReport): string {
  const alarms = report.nodes.flatMap(alarmLines)
  return [clusterLine(report), ...leaderLine(report), nodeTable(report), ...alarms, ...protectionLine(report), ''].join(
    '\n',
  )
}

/** Names the nodes that trust every caller. */
function protectionLine({ nodes }: StatusReport): string[] {
  const open = nodes.filter(({ protection }) => protection === 'none').map(({ id }) => id)
  if (open.length === 0) return []
  return [
    `no TLS and no cluster secret at ${open.join(', ')}: every caller that reaches the port is trusted, as a node, a client or an operator`,
  ]
}

function alarmLines({ id, alarms }: NodeRow): string[] {
  return alarms.map(({ code, peer, forMs, message }) => {
    const about = peer === undefined ? '' : ` about ${peer}`
    return `alarm of ${id}${about} for ${Math.round(forMs / 1000)} s: ${code}: ${message}`
  })
}

function clusterLine(report: StatusReport): string {
  const { cluster, term, leader, commitIndex, voters, votersUp, hasQuorum, toleratesFailures } = report
  const failures = toleratesFailures === 1 ? '1 failure' : `${toleratesFailures} failures`
  return [
    cluster,
    `term ${term}`,
    leader === undefined ? 'no leader' : `leader ${leader}`,
    `commit ${commitIndex}`,
    `${votersUp}/${voters} voters up`,
    hasQuorum ? `tolerates ${failures}` : `no quorum: needs ${Math.floor(voters / 2) + 1}`,
    ...(report.isMembershipChanging ? ['membership is changing'] : []),
  ].join('  ')
}

/** Without a leader that a quorum follows: what is known, and from whom. */
function leaderLine({ leader, views }: StatusReport): string[] {
  if (leader !== undefined) return []
  const known = views.map((view) => `${view.id} names ${view.leader ?? 'none'} (term ${view.term})`)
  return [`no majority of the voters names one leader: ${known.join(', ')}`]
}

function nodeTable(report: StatusReport): string {
  return plainTable(
    report.nodes.map((node) => cellsOf(node, report)),
    HEADINGS,
  )
}

function cellsOf(node: NodeRow, report: StatusReport): string[] {
  return [
    symbolOf(node, report),
    node.id,
    roleOf(node),
    formatNumber(node.term),
    addressOf(node),
    formatNumber(node.lastIndex),
    formatNumber(node.commitIndex),
    formatNumber(node.appliedIndex),
    formatLag(node),
    node.silentMs === undefined ? '-' : `${node.silentMs} ms`,
    node.loopDelayMs === undefined ? '-' : `${Math.round(node.loopDelayMs)} ms`,
    node.freeBytes === undefined ? '-' : formatBytes(node.freeBytes),
    node.storage ?? '-',
    node.peerTransport ?? '-',
    node.version ?? '-',
  ]
}

/** ★ is the leader; ● is a voter that replicates; ○ does not replicate, or is not a voter; ✗ is unreachable or has stopped. */
function symbolOf(node: NodeRow, report: StatusReport): string {
  if (node.stopped !== undefined || (!node.isReachable && node.isReplicating !== true)) return '✗'
  if (node.id === report.leader) return '★'
  return node.kind === 'voter' && report.leader !== undefined && node.isReplicating !== false ? '●' : '○'
}

function addressOf({ address, recordedAddress = address }: NodeRow): string {
  return address === recordedAddress ? address : `${address} (recorded: ${recordedAddress})`
}

function roleOf(node: NodeRow): string {
  if (!node.isReachable) return `${node.isReplicating === true ? 'unreachable' : 'down'} (${node.problem})`
  if (node.stopped !== undefined) return `stopped: ${node.stopped}`
  return node.kind === 'voter' ? (node.role ?? '-') : node.kind
}

/** For example 5, or 5+300 if 300 committed entries are not applied. */
function formatLag({ lag, applyLag = 0 }: NodeRow): string {
  return applyLag > 0 ? `${lag ?? 0}+${applyLag}` : formatNumber(lag)
}

function formatNumber(value: number | undefined): string {
  return value === undefined ? '-' : String(value)
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

/** In decimal units, for example 71 GB. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`
}
