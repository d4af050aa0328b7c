/** What the page knows of the cluster: the latest of each node, the latest events, and the rates of the last minutes. */
import type { PeerStatus } from '../../src/core/status.ts'
import type { FeedMessage, NodeView } from '../../src/http/dashboard/feed-message.ts'
import type { Rates } from '../../src/http/dashboard/rates.ts'

/** What a node said last. */
export interface NodeReport {
  readonly view: NodeView
  readonly rates: Rates
  /** When it arrived, by performance.now(). */
  readonly at: number
  /** Its process has ended. */
  readonly isDown: boolean
}

export type Occurrence = Extract<FeedMessage, { type: 'event' | 'note' }>

export interface Cluster {
  readonly reports: ReadonlyMap<string, NodeReport>
  /** The nodes whose process has ended, also those that never reported. */
  readonly down: ReadonlySet<string>
  /** The links of a demo that are cut. */
  readonly cut: readonly (readonly [string, string])[]
  /** The newest first. */
  readonly occurrences: readonly Occurrence[]
}

export const EMPTY: Cluster = { reports: new Map(), down: new Set(), cut: [], occurrences: [] }

const OCCURRENCES_MAX = 300
/** A node that has not reported for so long may be stopped or out of reach. */
const SILENT_MS = 3000

export function withMessage(cluster: Cluster, message: FeedMessage, now: number): Cluster {
  if (message.type === 'event' || message.type === 'note')
    return { ...cluster, occurrences: [message, ...cluster.occurrences].slice(0, OCCURRENCES_MAX) }
  if (message.type === 'links') return { ...cluster, cut: message.cut }
  const { node } = message
  const reports = new Map(cluster.reports)
  const down = new Set(cluster.down)
  if (message.type === 'view') {
    down.delete(node)
    reports.set(node, { view: message.view, rates: message.rates, at: now, isDown: false })
  } else {
    down.add(node)
    const last = reports.get(node)
    if (last !== undefined) reports.set(node, { ...last, isDown: true })
  }
  return { ...cluster, reports, down }
}

/** The reports that show a node as it is now. */
export function currentReports({ reports }: Cluster, now: number): NodeReport[] {
  return [...reports.values()].filter(({ at, isDown }) => !isDown && now - at < SILENT_MS)
}

/** What is known of one node, and from whom. */
export type Knowledge =
  | { readonly kind: 'reported'; readonly report: NodeReport }
  | { readonly kind: 'down' | 'silent'; readonly report: NodeReport | undefined }
  /** It does not report to this page; a leader that does has heard of it. */
  | { readonly kind: 'heard of'; readonly by: string; readonly peer: PeerStatus }
  /** `leadsFor` has said that it leads. */
  | { readonly kind: 'unknown'; readonly leadsFor: string | undefined }

export function knowledgeOf(cluster: Cluster, id: string, now: number): Knowledge {
  const report = cluster.reports.get(id)
  if (cluster.down.has(id)) return { kind: 'down', report }
  if (report !== undefined)
    return now - report.at < SILENT_MS ? { kind: 'reported', report } : { kind: 'silent', report }
  const leader = leaderOf(cluster, now)
  const peer = leader?.view.peers.find((each) => each.id === id)
  if (leader !== undefined && peer !== undefined) return { kind: 'heard of', by: leader.view.id, peer }
  const follower = currentReports(cluster, now).find(({ view }) => view.leader === id)
  return { kind: 'unknown', leadsFor: follower?.view.id }
}

/** The leader of the newest term among the nodes that report. */
export function leaderOf(cluster: Cluster, now: number): NodeReport | undefined {
  const leaders = currentReports(cluster, now).filter(({ view }) => view.role === 'leader')
  return leaders.sort((one, other) => other.view.term - one.view.term)[0]
}

/** The report with the newest membership. */
export function newestReport(cluster: Cluster, now: number): NodeReport | undefined {
  const current = currentReports(cluster, now)
  const all = current.length > 0 ? current : [...cluster.reports.values()]
  return all.sort(
    (one, other) => other.view.membershipIndex - one.view.membershipIndex || other.view.term - one.view.term,
  )[0]
}

/** Every node that is a member, reports, or has ended. */
export function nodeIds(cluster: Cluster, now: number): string[] {
  const members = newestReport(cluster, now)?.view.membership.members ?? []
  return [...new Set([...members.map(({ id }) => id), ...cluster.reports.keys(), ...cluster.down])].sort((one, other) =>
    one.localeCompare(other, 'en', { numeric: true }),
  )
}
