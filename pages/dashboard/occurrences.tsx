/** Events of the nodes, the newest first. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { eventText, levelOf } from '../../src/runtime/event-text.ts'
import type { Occurrence } from './cluster.ts'

const SHOWN_MAX = 60

export function Occurrences({ occurrences }: { occurrences: readonly Occurrence[] }): JSX.Element {
  const [showsAll, setShowsAll] = useState(false)
  const shown = occurrences.filter(
    (each) => showsAll || each.type === 'note' || levelOf(each.event) !== 'debug' || isOfElection(each),
  )
  return (
    <section class="events">
      <h2>
        Events{' '}
        <label>
          <input type="checkbox" checked={showsAll} onChange={() => setShowsAll(!showsAll)} /> all
        </label>
      </h2>
      <ol aria-live="polite" aria-relevant="additions">
        {shown.slice(0, SHOWN_MAX).map((each) => (
          <li
            key={`${each.at} ${each.type === 'note' ? '' : each.node} ${textOf(each)}`}
            class={each.type === 'note' ? 'note' : levelOf(each.event)}
          >
            <time>{new Date(each.at).toISOString().slice(11, 23)}</time>
            <b>{each.type === 'note' ? '' : each.node}</b>
            <span>{textOf(each)}</span>
          </li>
        ))}
      </ol>
      {shown.length === 0 && <p class="faint">Nothing has happened yet.</p>}
    </section>
  )
}

/** Elections are shown as they happen, with the votes. */
function isOfElection(each: Occurrence): boolean {
  return each.type === 'event' && (each.event.type === 'voteGranted' || each.event.type === 'preVoteStarted')
}

function textOf(each: Occurrence): string {
  return each.type === 'note' ? each.text : eventText(each.event)
}
