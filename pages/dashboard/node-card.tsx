/** One node: its role, term and log, or how much of it is known. */
import type { ComponentChildren, JSX } from 'preact'
import type { Knowledge, NodeReport } from './cluster.ts'
import { LogWindow, type Scale } from './log-window.tsx'
import { roleText } from './role-text.ts'

interface CardProps {
  readonly id: string
  readonly knowledge: Knowledge
  readonly scale: Scale
  readonly children?: ComponentChildren
}

export function NodeCard({ id, knowledge, scale, children }: CardProps): JSX.Element {
  const { text, kind } = roleText(knowledge)
  return (
    <article class={`card ${kind}`} data-node={id}>
      <h3>
        <span>{id}</span>
        <span class="badge">{text}</span>
      </h3>
      <Facts knowledge={knowledge} scale={scale} />
      {children}
    </article>
  )
}

function Facts({ knowledge, scale }: { knowledge: Knowledge; scale: Scale }): JSX.Element {
  switch (knowledge.kind) {
    case 'reported':
      return <Reported report={knowledge.report} scale={scale} />
    case 'heard of': {
      const { by, peer } = knowledge
      return (
        <>
          <p class="faint">It does not report here. What {by}, the leader, knows:</p>
          <Table
            rows={[
              ['acknowledged', number(peer.matchIndex)],
              ['state', peer.state],
              ['last answer', peer.silentMs === undefined ? 'none yet' : `${Math.round(peer.silentMs)} ms ago`],
              ['to apply', number(peer.applyLag)],
            ]}
          />
        </>
      )
    }
    case 'down':
      return <p class="faint">It has stopped, or its process has ended.</p>
    case 'silent':
      return <p class="faint">It no longer reports: it is stopped, or out of reach.</p>
    case 'unknown':
      return (
        <p class="faint">
          It does not report here.
          {knowledge.leadsFor === undefined
            ? ' Only a leader knows more: see its page.'
            : ` ${knowledge.leadsFor} says that it leads: its page shows more.`}
        </p>
      )
  }
}

function Reported({ report: { view, rates }, scale }: { report: NodeReport; scale: Scale }): JSX.Element {
  const { term, votedFor, leader, snapshotIndex, commitIndex, appliedIndex, lastIndex, fetching, stopped } = view
  return (
    <>
      <LogWindow view={view} scale={scale} />
      <Table
        rows={[
          ['term', number(term)],
          ['voted for', votedFor ?? '–'],
          ['snapshot', number(snapshotIndex)],
          ['leader', leader ?? '–'],
          ['committed', number(commitIndex)],
          ['last', number(lastIndex)],
          ['applied', number(appliedIndex)],
          ['log', bytes(view.logBytes)],
          ['waiting', number(view.pendingProposals)],
          ['disk p99', rates.writeMs === undefined ? '–' : `${rates.writeMs.p99.toFixed(1)} ms`],
        ]}
      />
      {fetching !== undefined && (
        <p>
          fetches a snapshot from {fetching.from}: {bytes(fetching.bytes)} of {bytes(fetching.size)}
        </p>
      )}
      {stopped !== undefined && <p class="bad">{stopped}</p>}
      <p class="faint">
        {view.address}
        {view.storage === undefined ? '' : `, ${view.storage}`}
        {view.peerTransport === undefined ? '' : `, ${view.peerTransport}`}
        {view.protection === 'none' ? ', unprotected' : ''}
      </p>
    </>
  )
}

function Table({ rows }: { rows: readonly (readonly [string, string])[] }): JSX.Element {
  return (
    <dl>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}

function bytes(value: number): string {
  if (value < 1024) return `${value} B`
  return value < 1024 ** 2 ? `${(value / 1024).toFixed(0)} KiB` : `${(value / 1024 ** 2).toFixed(1)} MiB`
}
