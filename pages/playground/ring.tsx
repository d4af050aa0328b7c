/** The nodes on a ring, the messages between them, and the links that are cut. */
import type { JSX } from 'preact'
import type { Point } from '../ring-parts.tsx'
import { ArrowHead, Connection, placeOnRing, RingNode } from '../ring-parts.tsx'
import type { Played, PlayedMessage, PlayedNode } from './play.ts'

const SIZE = 440
const RADIUS = 160
const NODE_RADIUS = 34

export function Ring({ played }: { played: Played }): JSX.Element {
  const { nodes, messages, cuts } = played
  const ids = nodes.map(({ id }) => id)
  const place = (id: string): Point => placeOnRing(ids.indexOf(id), ids.length, { size: SIZE, radius: RADIUS })
  const links = [...new Set(messages.map(({ from, to }) => `${from}>${to}`))]
  return (
    <svg class="ring" viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={summary(played)}>
      {[...cuts].map((link) => {
        const [from = '', to = ''] = link.split('>')
        return <Link key={link} from={place(from)} to={place(to)} kind="cut" />
      })}
      {links.map((link) => {
        const [from = '', to = ''] = link.split('>')
        const flying = messages.filter((each) => each.from === from && each.to === to)
        return <Link key={link} from={place(from)} to={place(to)} kind={kindOf(flying)} messages={flying} />
      })}
      {nodes.map((node) => {
        const role = roleOf(node)
        const term = node.status === undefined ? '' : `term ${node.status.term}`
        return (
          <RingNode
            key={node.id}
            at={place(node.id)}
            radius={NODE_RADIUS}
            kind={role}
            id={node.id}
            role={role}
            term={term}
          />
        )
      })}
    </svg>
  )
}

export function roleOf({ isUp, isPaused, status }: PlayedNode): string {
  if (!isUp || status === undefined) return 'down'
  if (isPaused) return 'paused'
  if (status.stopped !== undefined) return 'stopped'
  return status.role === 'follower' && status.membership.learners.includes(status.id) ? 'learner' : status.role
}

interface LinkProps {
  readonly from: Point
  readonly to: Point
  readonly kind: string
  readonly messages?: readonly PlayedMessage[]
}

/** A little to the right of the straight line, beside the other direction. */
function Link({ from, to, kind, messages = [] }: LinkProps): JSX.Element {
  const connection = new Connection(from, to, { nodeRadius: NODE_RADIUS, aside: 7 })
  const middle = connection.at(connection.length * 0.42, 20)
  const first = messages[0]
  const more = messages.length > 1 ? ` +${messages.length - 1}` : ''
  return (
    <g class={`link ${kind}`}>
      <path class="shaft" d={connection.path} />
      {first !== undefined && (
        <>
          <ArrowHead connection={connection} />
          <text x={middle.x} y={middle.y + 4}>
            {first.isHeartbeat ? 'heartbeat' : first.type}
            {more}
          </text>
        </>
      )}
    </g>
  )
}

function kindOf(messages: readonly PlayedMessage[]): string {
  const type = messages.find(({ isHeartbeat }) => !isHeartbeat)?.type ?? 'heartbeat'
  if (/Vote/.test(type)) return 'vote'
  return type === 'InstallSnapshot' ? 'snapshot' : type === 'heartbeat' ? 'heartbeat' : 'append'
}

function summary({ nodes, messages }: Played): string {
  return `${nodes.map((node) => `${node.id}: ${roleOf(node)}`).join(', ')}; ${messages.length} messages in flight`
}
