/** The nodes on a ring, the messages between them, and the links that are cut. */
import type { JSX } from 'preact'
import type { Played, PlayedMessage, PlayedNode } from './play.ts'

const SIZE = 440
const RADIUS = 160
const NODE_RADIUS = 34

interface Point {
  readonly x: number
  readonly y: number
}

export function Ring({ played }: { played: Played }): JSX.Element {
  const { nodes, messages, cuts } = played
  const ids = nodes.map(({ id }) => id)
  const place = (id: string): Point => {
    const angle = (ids.indexOf(id) / ids.length) * 2 * Math.PI - Math.PI / 2
    return { x: SIZE / 2 + RADIUS * Math.cos(angle), y: SIZE / 2 + RADIUS * Math.sin(angle) }
  }
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
        const { x, y } = place(node.id)
        const role = roleOf(node)
        return (
          <g key={node.id} class={`node ${role}`} transform={`translate(${x} ${y})`}>
            <circle r={NODE_RADIUS} />
            <text class="name" y="-7">
              {node.id}
            </text>
            <text class="role" y="8">
              {role}
            </text>
            <text class="term" y="21">
              {node.status === undefined ? '' : `term ${node.status.term}`}
            </text>
          </g>
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
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  const unit = { x: (to.x - from.x) / length, y: (to.y - from.y) / length }
  const at = (distance: number, aside = 7): Point => ({
    x: from.x + unit.x * distance - unit.y * aside,
    y: from.y + unit.y * distance + unit.x * aside,
  })
  const [start, end] = [at(NODE_RADIUS + 2), at(length - NODE_RADIUS - 9)]
  const middle = at(length * 0.42, 20)
  const turn = (Math.atan2(unit.y, unit.x) * 180) / Math.PI
  const first = messages[0]
  const more = messages.length > 1 ? ` +${messages.length - 1}` : ''
  return (
    <g class={`link ${kind}`}>
      <path class="shaft" d={`M${start.x} ${start.y}L${end.x} ${end.y}`} />
      {first !== undefined && (
        <>
          <path class="head" d="M9 0L0 -4.5V4.5Z" transform={`translate(${end.x} ${end.y}) rotate(${turn})`} />
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
