/** The dashboard: a cluster as its nodes report it, live. */
import type { JSX } from 'preact'
import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { FeedMessage } from '../../src/http/dashboard/feed-message.ts'
import {
  type Cluster,
  currentReports,
  EMPTY,
  knowledgeOf,
  leaderOf,
  newestReport,
  nodeIds,
  withMessage,
} from './cluster.ts'
import { Controls, LinkControls, NodeControl } from './controls.tsx'
import { isDemo } from './demo.ts'
import { History } from './history.ts'
import { scaleOf } from './log-window.tsx'
import { Alarms, Members } from './members.tsx'
import { NodeCard } from './node-card.tsx'
import { Occurrences } from './occurrences.tsx'
import { Plot } from './plot.tsx'
import { Ring } from './ring.tsx'

const history = new History()
const SAMPLE_MS = 1000
/** Messages that arrive together are drawn together. */
const DRAW_MS = 50

function Page(): JSX.Element {
  const { cluster, isConnected } = useFeed()
  const [samples, setSamples] = useState(history.samples)
  useEffect(() => {
    const timer = setInterval(() => {
      history.add(newest.cluster, performance.now())
      setSamples(history.samples)
    }, SAMPLE_MS)
    return () => clearInterval(timer)
  }, [])
  // Without a connection the page shows what it knew last.
  const now = isConnected ? performance.now() : newest.at
  const ids = nodeIds(cluster, now)
  const leader = leaderOf(cluster, now)
  const latest = newestReport(cluster, now)
  const current = currentReports(cluster, now)
  const scale = scaleOf(current.map(({ view }) => view))
  useEffect(() => {
    document.title = leader === undefined ? 'no leader – quorate' : `${leader.view.id} leads – quorate`
  }, [leader?.view.id])
  return (
    <>
      <header>
        <h1>
          quorate <span class="faint">{latest?.view.clusterId ?? ''}</span>
        </h1>
        <Headline cluster={cluster} now={now} isConnected={isConnected} />
      </header>
      {isDemo && <Controls />}
      <main class={isConnected ? '' : 'stale'}>
        <div class="network">
          <Ring cluster={cluster} ids={ids} now={now} />
          {isDemo && ids.length > 1 && <LinkControls ids={ids} cut={cluster.cut} />}
        </div>
        <section class="cards" aria-label="Nodes">
          {ids.map((id) => {
            const knowledge = knowledgeOf(cluster, id, now)
            return (
              <NodeCard key={id} id={id} knowledge={knowledge} scale={scale}>
                {isDemo && (
                  <NodeControl
                    id={id}
                    isDown={knowledge.kind === 'down'}
                    isCut={cluster.cut.some((link) => link.includes(id))}
                  />
                )}
              </NodeCard>
            )
          })}
          <p class="faint legend">
            The bar is the log, on one scale for all nodes: <i class="applied" /> applied, <i class="committed" />{' '}
            committed, <i class="persisted" /> durable, <i class="kept" /> not yet durable, <i class="snapshot" />{' '}
            snapshot.
          </p>
        </section>
        <section class="plots" aria-label="Rates and times">
          <Plot title="Committed" unit="per second" name="committed" samples={samples} />
          <Plot title="Proposals" unit="ms" name="proposals" samples={samples} />
          <Plot title="Disk writes, p99" unit="ms" name="writes" samples={samples} />
          <Plot title="Heartbeat answers" unit="ms" name="responses" samples={samples} />
        </section>
        <Occurrences occurrences={cluster.occurrences} />
        <div class="aside">
          <Alarms reports={current} />
          <Members newest={latest} />
        </div>
      </main>
    </>
  )
}

function Headline(props: { cluster: Cluster; now: number; isConnected: boolean }): JSX.Element {
  const { cluster, now, isConnected } = props
  const leader = leaderOf(cluster, now)?.view
  const heard = currentReports(cluster, now).flatMap(({ view }) => (view.leader === undefined ? [] : [view]))[0]
  if (!isConnected)
    return (
      <p class="headline bad" role="status">
        Not connected: trying again.
      </p>
    )
  return (
    <p class="headline" role="status">
      {leader !== undefined ? (
        <>
          <b>{leader.id}</b> leads term <b>{leader.term}</b>
        </>
      ) : heard !== undefined ? (
        <>
          <b>{heard.leader}</b> leads term <b>{heard.term}</b>, as {heard.id} knows
        </>
      ) : (
        <b class="bad">No leader</b>
      )}
    </p>
  )
}

/** The cluster at the newest message, and when that arrived. */
const newest = { cluster: EMPTY, at: 0 }

function useFeed(): { cluster: Cluster; isConnected: boolean } {
  const [, setDrawn] = useState(0)
  const [isConnected, setIsConnected] = useState(true)
  useEffect(() => {
    const source = new EventSource('events/stream')
    let _timer: ReturnType<typeof setTimeout> | undefined
    source.onopen = () => {
      // The stream begins with what is known.
      newest.cluster = EMPTY
      setIsConnected(true)
    }
    source.onerror = () => setIsConnected(false)
    source.onmessage = ({ data }) => {
      newest.at = performance.now()
      newest.cluster = withMessage(newest.cluster, JSON.parse(String(data)) as FeedMessage, newest.at)
      _timer ??= setTimeout(() => {
        _timer = undefined
        setDrawn((drawn) => drawn + 1)
      }, DRAW_MS)
    }
    return () => source.close()
  }, [])
  return { cluster: newest.cluster, isConnected }
}

render(<Page />, document.getElementById('page') as HTMLElement)
