/** The log of a node as a bar: what the snapshot covers, what is applied, committed, durable, and not yet durable. */
import type { JSX } from 'preact'
import type { NodeView } from '../../src/http/dashboard/feed-message.ts'

/** The indexes that the bars of all nodes share. */
export interface Scale {
  readonly from: number
  readonly to: number
}

export function scaleOf(views: readonly NodeView[]): Scale {
  const to = Math.max(1, ...views.map(({ lastIndex }) => lastIndex))
  const from = Math.min(to - 1, ...views.map(({ firstIndex }) => firstIndex - 1))
  return { from, to }
}

const WIDTH = 1000

export function LogWindow({ view, scale }: { view: NodeView; scale: Scale }): JSX.Element {
  const { snapshotIndex, appliedIndex, commitIndex, persistedIndex, lastIndex, firstIndex } = view
  const x = (index: number): number =>
    (Math.min(1, Math.max(0, (index - scale.from) / (scale.to - scale.from))) * WIDTH) | 0
  const part = (kind: string, from: number, to: number): JSX.Element => (
    <rect class={kind} x={x(from)} y="4" width={Math.max(0, x(to) - x(from))} height="16" />
  )
  const words = `snapshot ${snapshotIndex}, applied ${appliedIndex}, committed ${commitIndex}, last ${lastIndex}`
  return (
    <svg class="log" viewBox={`0 0 ${WIDTH} 24`} preserveAspectRatio="none" role="img" aria-label={`Log: ${words}`}>
      <rect class="empty" x="0" y="4" width={WIDTH} height="16" />
      {part('kept', firstIndex - 1, lastIndex)}
      {part('persisted', firstIndex - 1, persistedIndex)}
      {part('committed', firstIndex - 1, commitIndex)}
      {part('applied', firstIndex - 1, appliedIndex)}
      {snapshotIndex > 0 && <rect class="snapshot" x={Math.max(0, x(snapshotIndex) - 3)} y="0" width="6" height="24" />}
    </svg>
  )
}
