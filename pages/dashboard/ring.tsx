/** The nodes on a ring, with an arrow from the leader to each follower, and from each voter to its candidate. */
import type { JSX } from 'preact'
import type { PeerStatus } from '../../src/core/status.ts'
import type { Cluster, NodeReport } from './cluster.ts'
import { currentReports, knowledgeOf, leaderOf } from './cluster.ts'
import { roleText } from './role-text.ts'

const SIZE = 420
const RADIUS = 145
const NODE_RADIUS = 38

interface Point {
  readonly x: number
  readonly y: number
}

export function Ring({ cluster, ids, now }: { cluster: Cluster; ids: readonly string[]; now: number }): JSX.Element {
  const place = (id: string): Point => {
    const angle = (ids.indexOf(id) / Math.max(1, ids.length)) * 2 * Math.PI - Math.PI / 2
    const radius = ids.length === 1 ? 0 : RADIUS
    return { x: SIZE / 2 + radius * Math.cos(angle), y: SIZE / 2 + radius * Math.sin(angle) }
  }
  const leader = leaderOf(cluster, now)
  const peers = leader?.view.peers.filter(({ id }) => ids.includes(id)) ?? []
  return (
    <svg class="ring" viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={summary(cluster, ids, now)}>
      {leader !== undefined &&
        peers.map((peer) => (
          <LeaderArrow
            key={`${leader.view.id} ${peer.id}`}
            from={place(leader.view.id)}
            to={place(peer.id)}
            leader={leader}
            peer={peer}
          />
        ))}
      {votes(cluster, now).map(({ voter, candidate }) => (
        <Arrow key={`vote ${voter}`} from={place(voter)} to={place(candidate)} kind="vote" label="vote" />
      ))}
      {ids.map((id) => (
        <RingNode key={id} id={id} at={place(id)} cluster={cluster} now={now} />
      ))}
    </svg>
  )
}

function RingNode({ id, at, cluster, now }: { id: string; at: Point; cluster: Cluster; now: number }): JSX.Element {
  const knowledge = knowledgeOf(cluster, id, now)
  const { text, kind } = roleText(knowledge)
  const term = knowledge.kind === 'reported' ? `term ${knowledge.report.view.term}` : ''
  return (
    <g class={`node ${kind}`} transform={`translate(${at.x} ${at.y})`}>
      <circle r={NODE_RADIUS} />
      <text class="name" y="-8">
        {id}
      </text>
      <text class="role" y="8">
        {text}
      </text>
      <text class="term" y="22">
        {term}
      </text>
    </g>
  )
}

/** What the leader knows of its link to a follower. The dot runs once for each report in which the follower has answered. */
function LeaderArrow(props: { from: Point; to: Point; leader: NodeReport; peer: PeerStatus }): JSX.Element {
  const { from, to, leader, peer } = props
  const { heartbeatIntervalMs = 100 } = leader.view.timing ?? {}
  const isAnswering = peer.silentMs !== undefined && peer.silentMs < 4 * heartbeatIntervalMs
  const lag = Math.max(0, leader.view.lastIndex - peer.matchIndex)
  const label = isAnswering
    ? `${peer.state === 'replicate' ? '' : `${peer.state} `}${lag > 0 ? `−${lag} ` : ''}${peer.responseMs.toFixed(1)} ms`
    : peer.silentMs === undefined
      ? 'no answer yet'
      : `silent ${(peer.silentMs / 1000).toFixed(1)} s`
  return (
    <Arrow
      from={from}
      to={to}
      kind={isAnswering ? peer.state : 'silent'}
      label={label}
      pulse={isAnswering ? leader.at : undefined}
    />
  )
}

interface ArrowProps {
  readonly from: Point
  readonly to: Point
  readonly kind: string
  readonly label: string
  /** Changes with each dot that is to run along the arrow. */
  readonly pulse?: number | undefined
}

function Arrow({ from, to, kind, label, pulse }: ArrowProps): JSX.Element {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  const unit = { x: (to.x - from.x) / length, y: (to.y - from.y) / length }
  const [a, b] = [NODE_RADIUS + 2, length - NODE_RADIUS - 9]
  const start = { x: from.x + unit.x * a, y: from.y + unit.y * a }
  const end = { x: from.x + unit.x * b, y: from.y + unit.y * b }
  const path = `M${start.x} ${start.y}L${end.x} ${end.y}`
  const turn = (Math.atan2(unit.y, unit.x) * 180) / Math.PI
  return (
    <g class={`arrow ${kind}`}>
      <path class="shaft" d={path} />
      <path class="head" d="M9 0L0 -4.5V4.5Z" transform={`translate(${end.x} ${end.y}) rotate(${turn})`} />
      {pulse !== undefined && (
        <circle
          class="pulse"
          key={pulse}
          r="4"
          cx={start.x}
          cy={start.y}
          style={{ '--across': `${end.x - start.x}px`, '--down': `${end.y - start.y}px` }}
        />
      )}
      <text x={(start.x + end.x) / 2 - unit.y * 12} y={(start.y + end.y) / 2 + unit.x * 12 + 4}>
        {label}
      </text>
    </g>
  )
}

/** The votes for nodes that campaign now. */
function votes(cluster: Cluster, now: number): { voter: string; candidate: string }[] {
  const current = currentReports(cluster, now)
  return current.flatMap(({ view: { id, term, votedFor } }) => {
    const candidate = current.find(({ view }) => view.id === votedFor && view.term === term)
    if (votedFor === undefined || votedFor === id || candidate?.view.role !== 'candidate') return []
    return [{ voter: id, candidate: votedFor }]
  })
}

function summary(cluster: Cluster, ids: readonly string[], now: number): string {
  return ids.map((id) => `${id}: ${roleText(knowledgeOf(cluster, id, now)).text}`).join(', ')
}
