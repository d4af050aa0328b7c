/** One node: its state, its log entry by entry, and what can be done with it. */
import type { JSX } from 'preact'
import type { PlayedNode } from './play.ts'
import { roleOf } from './ring.tsx'

/** Further entries are counted only. */
const CELLS_MAX = 16

interface CardProps {
  readonly node: PlayedNode
  /** Adds a step with these commands. */
  readonly act: (...commands: readonly string[]) => void
}

export function NodeCard({ node, act }: CardProps): JSX.Element {
  const { id, isUp, isPaused, status } = node
  const role = roleOf(node)
  const button = (label: string, command: string): JSX.Element => (
    <button type="button" data-command={command} onClick={() => act(command)}>
      {label}
    </button>
  )
  return (
    <article class={`card ${role}`} data-node={id}>
      <h3>
        <span>{id}</span>
        <span class="badge">{role}</span>
      </h3>
      <p class="facts">
        {status === undefined
          ? 'Its disk keeps the log, the term and the vote.'
          : `term ${status.term}, voted for ${status.votedFor ?? '–'}, leader ${status.leader ?? '–'}, committed ${status.commitIndex}, applied ${status.appliedIndex}`}
      </p>
      <Log node={node} />
      <p class="buttons">
        {isUp && !isPaused && (
          <>
            {button('Time out', `tick ${id}`)}
            {button('Propose', `propose ${id}`)}
            {button('Snapshot', `snapshot ${id}`)}
          </>
        )}
        {isUp && (isPaused ? button('Resume', `resume ${id}`) : button('Pause', `pause ${id}`))}
        {isUp ? button('Kill', `crash ${id}`) : button('Restart', `restart ${id}`)}
      </p>
    </article>
  )
}

function Log({ node: { entries, snapshot, status } }: { node: PlayedNode }): JSX.Element {
  const [committed, applied] = [status?.commitIndex ?? 0, status?.appliedIndex ?? 0]
  const shown = entries.slice(-CELLS_MAX)
  const hidden = entries.length - shown.length
  return (
    <ol class="cells" aria-label="Log: the term of each entry">
      {snapshot !== undefined && (
        <li class="snapshot" title={`snapshot up to ${snapshot.index}`}>{`≤${snapshot.index}`}</li>
      )}
      {hidden > 0 && <li class="hidden">{`… ${hidden}`}</li>}
      {shown.map(({ index, term, kind }) => (
        <li
          key={index}
          class={index <= applied ? 'applied' : index <= committed ? 'committed' : 'open'}
          title={`entry ${index} of term ${term}${kind === 'commands' ? '' : `: ${kind}`}`}
        >
          {term}
        </li>
      ))}
      {entries.length === 0 && snapshot === undefined && <li class="hidden">empty</li>}
    </ol>
  )
}
