/** Formats a status report as text: one line for the cluster and one row per node. */
import { formatBytes } from '../format-bytes.ts'
import { formatProgress, joinProgress } from '../members/join-progress.ts'
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
  'RTT',
  'LOOP',
  'WRITE',
  'DISK FREE',
  'STORAGE',
  'TRANSPORT',
  'VERSION',
]

export function formatStatus(report: StatusReport): string {
  const alarms = report.nodes.flatMap(alarmLines)
  return [
    clusterLine(report),
    ...leaderLine(report),
    nodeTable(report),
    ...joinLines(report),
    ...alarms,
    ...protectionLine(report),
    '',
  ].join('\n')
}

/** How far each member is that is being promoted, or that fetches a snapshot. */
function joinLines(report: StatusReport): string[] {
  return report.nodes
    .filter(({ isPromoting, fetching }) => isPromoting || fetching !== undefined)
    .map(({ id, isPromoting }) => {
      const line = formatProgress(id, joinProgress(report, id))
      return isPromoting ? `${line}; it will be a voter` : line
    })
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
    `commit ${commitIndex}${rateOf(report)}`,
    `${votersUp}/${voters} voters up`,
    hasQuorum ? `tolerates ${failures}` : `no quorum: needs ${Math.floor(voters / 2) + 1}`,
    ...(report.isMembershipChanging ? ['membership is changing'] : []),
  ].join('  ')
}

/** The entries that the leader applied per second. */
function rateOf({ leader, nodes }: StatusReport): string {
  const rate = nodes.find(({ id }) => id === leader)?.appliedPerSecond
  return rate === undefined ? '' : ` (${rate >= 10 ? Math.round(rate) : Number(rate.toFixed(1))}/s)`
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
    ...[node.silentMs, node.responseMs, node.loopDelayMs, node.timing?.writeMs].map(formatMs),
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

function formatMs(ms: number | undefined): string {
  return ms === undefined ? '-' : `${Math.round(ms)} ms`
}

function formatNumber(value: number | undefined): string {
  return value === undefined ? '-' : String(value)
}
