/** The nodes on a ring, with an arrow from the leader to each follower, and from each voter to its candidate, and the links that are cut. */
import type { JSX } from 'preact'
import type { PeerStatus } from '../../src/core/status.ts'
import type { Point } from '../ring-parts.tsx'
import { ArrowHead, Connection, placeOnRing, RingNode } from '../ring-parts.tsx'
import type { Cluster, NodeReport } from './cluster.ts'
import { currentReports, knowledgeOf, leaderOf } from './cluster.ts'
import { roleText } from './role-text.ts'

const SIZE = 420
const RADIUS = 145
const NODE_RADIUS = 38

export function Ring({ cluster, ids, now }: { cluster: Cluster; ids: readonly string[]; now: number }): JSX.Element {
  const place = (id: string): Point => placeOnRing(ids.indexOf(id), ids.length, { size: SIZE, radius: RADIUS })
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
      {cluster.cut.map(([one, other]) => (
        <CutLink key={`cut ${one} ${other}`} from={place(one)} to={place(other)} />
      ))}
      {ids.map((id) => (
        <ClusterNode key={id} id={id} at={place(id)} cluster={cluster} now={now} />
      ))}
    </svg>
  )
}

/** A link that the demo has cut: a broken line with a cross, beside where the label of an arrow is. */
function CutLink({ from, to }: { from: Point; to: Point }): JSX.Element {
  const connection = new Connection(from, to, { nodeRadius: NODE_RADIUS })
  const cross = connection.at(0.66 * connection.length)
  return (
    <g class="cut">
      <path d={connection.path} />
      <path d="M-7 -7L7 7M-7 7L7 -7" transform={`translate(${cross.x} ${cross.y})`} />
    </g>
  )
}

function ClusterNode({ id, at, cluster, now }: { id: string; at: Point; cluster: Cluster; now: number }): JSX.Element {
  const knowledge = knowledgeOf(cluster, id, now)
  const { text, kind } = roleText(knowledge)
  const term = knowledge.kind === 'reported' ? `term ${knowledge.report.view.term}` : ''
  return <RingNode at={at} radius={NODE_RADIUS} kind={kind} id={id} role={text} term={term} />
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

function Arrow({ from, to, kind, label: text, pulse }: ArrowProps): JSX.Element {
  const connection = new Connection(from, to, { nodeRadius: NODE_RADIUS })
  const { start, end, length } = connection
  const label = connection.at((length - 7) / 2, 12)
  return (
    <g class={`arrow ${kind}`}>
      <path class="shaft" d={connection.path} />
      <ArrowHead connection={connection} />
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
      <text x={label.x} y={label.y + 4}>
        {text}
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
  const nodes = ids.map((id) => `${id}: ${roleText(knowledgeOf(cluster, id, now)).text}`)
  return [...nodes, ...cluster.cut.map(([one, other]) => `link ${one} to ${other}: cut`)].join(', ')
}
