/** The counts of a node, from its events. */
import assert from 'node:assert/strict'
import type { NodeEvent } from '../../src/contracts/observer.ts'
import type { SnapshotInfo } from '../../src/core/types.ts'
import { METRICS } from '../../src/metrics/index.ts'
import { NodeSeries } from '../../src/metrics/node-series.ts'

describe('the duration of the fetch of a snapshot', () => {
  for (const { title, events, expected } of [
    {
      title: 'is that of all its attempts',
      events: [started(7, 0), failed(1000), started(7, 2000), installed(7, 5000)],
      expected: [5000],
    },
    {
      title: 'does not begin with an earlier fetch that the log has overtaken',
      events: [started(7, 0), started(900, 86_400_000), installed(900, 86_401_000)],
      expected: [1000],
    },
    {
      title: 'is not known of a snapshot that was not fetched',
      events: [started(7, 0), installed(900, 86_400_000)],
      expected: [],
    },
  ])
    it(title, () => {
      let now = 0
      const durations: number[] = []
      const series = new NodeSeries(
        (metric, labels) => ({
          count: 0,
          add: (ms) => {
            if (metric === METRICS.snapshotSeconds && labels.op === 'fetch') durations.push(ms)
          },
        }),
        () => now,
      )
      for (const { at, event } of events) {
        now = at
        series.event(event)
      }
      assert.deepEqual(durations, expected)
    })
})

interface TimedEvent {
  readonly at: number
  readonly event: NodeEvent
}

function started(index: number, at: number): TimedEvent {
  return { at, event: { type: 'fetchStarted', from: 'n1', snapshot: snapshotAt(index), offset: 0 } }
}

function failed(at: number): TimedEvent {
  return { at, event: { type: 'fetchFailed', from: 'n1', code: 'ERR_RAFT_UNREACHABLE', message: 'no' } }
}

function installed(index: number, at: number): TimedEvent {
  return { at, event: { type: 'snapshotInstalled', snapshot: snapshotAt(index) } }
}

function snapshotAt(index: number): SnapshotInfo {
  return { id: String(index), index, size: 1 } as SnapshotInfo
}
