/** What rings of nodes consist of: places, nodes, and the heads of arrows between them. */
import type { JSX } from 'preact'

export interface Point {
  readonly x: number
  readonly y: number
}

/** The place of a node in a square of this size; the first one is at the top. One node alone is in the middle. */
export function placeOnRing(index: number, count: number, { size, radius }: { size: number; radius: number }): Point {
  const angle = (index / Math.max(1, count)) * 2 * Math.PI - Math.PI / 2
  const distance = count === 1 ? 0 : radius
  return { x: size / 2 + distance * Math.cos(angle), y: size / 2 + distance * Math.sin(angle) }
}

/** The part of the line from one node to another that is between their circles, with space for the head of an arrow. */
export class Connection {
  readonly length: number
  readonly start: Point
  readonly end: Point
  /** In degrees, clockwise. */
  readonly turn: number
  readonly #from: Point
  readonly #unit: Point
  readonly #aside: number

  /** `aside` is how far it is to the right of the straight line. */
  constructor(from: Point, to: Point, { nodeRadius, aside = 0 }: { nodeRadius: number; aside?: number }) {
    this.length = Math.hypot(to.x - from.x, to.y - from.y) || 1
    this.#from = from
    this.#unit = { x: (to.x - from.x) / this.length, y: (to.y - from.y) / this.length }
    this.#aside = aside
    this.turn = (Math.atan2(this.#unit.y, this.#unit.x) * 180) / Math.PI
    this.start = this.at(nodeRadius + 2)
    this.end = this.at(this.length - nodeRadius - 9)
  }

  at(distance: number, aside: number = this.#aside): Point {
    const unit = this.#unit
    return {
      x: this.#from.x + unit.x * distance - unit.y * aside,
      y: this.#from.y + unit.y * distance + unit.x * aside,
    }
  }

  get path(): string {
    return `M${this.start.x} ${this.start.y}L${this.end.x} ${this.end.y}`
  }
}

export function ArrowHead({ connection: { end, turn } }: { connection: Connection }): JSX.Element {
  return <path class="head" d="M9 0L0 -4.5V4.5Z" transform={`translate(${end.x} ${end.y}) rotate(${turn})`} />
}

interface RingNodeProps {
  readonly at: Point
  readonly radius: number
  readonly kind: string
  /** Three lines; the last may be empty. */
  readonly id: string
  readonly role: string
  readonly term: string
}

export function RingNode({ at, radius, kind, id, role, term }: RingNodeProps): JSX.Element {
  return (
    <g class={`node ${kind}`} transform={`translate(${at.x} ${at.y})`}>
      <circle r={radius} />
      <text class="name" y="-8">
        {id}
      </text>
      <text class="role" y="8">
        {role}
      </text>
      <text class="term" y="22">
        {term}
      </text>
    </g>
  )
}
