/** Measures how long a large snapshot takes to reach an empty new member, and how it affects the latency of writes. */
import { freePorts, pause, startNodeProcess, startRaft, stop } from './cluster.ts'
import { inTemporaryDirectory, type Worker } from './processes.ts'

export interface SnapshotRow {
  readonly bytes: number
  readonly takeSeconds: number
  /** From the start of the new process until its state machine is restored. */
  readonly joinSeconds: number
  readonly p99BeforeMs: number
  readonly p99DuringMs: number
  readonly leaderRssBeforeBytes: number
  readonly leaderRssAfterBytes: number
}

export async function measureSnapshot(bytes: number): Promise<SnapshotRow> {
  return await inTemporaryDirectory(async (directory) => {
    const cluster = await startRaft(directory, { trailingEntries: 100 })
    const { leader } = cluster
    let joined: Worker | undefined
    try {
      const before = await leader.load({ type: 'load', outstanding: 16, seconds: 3, bytes: 128 })
      const rssBefore = (await leader.usage()).rssBytes
      const takeBegin = performance.now()
      await leader.call('ballast', bytes, 120_000)
      const takeSeconds = (performance.now() - takeBegin) / 1000

      const [port] = await freePorts(1)
      const addresses = { ...cluster.addresses, n4: `127.0.0.1:${port}` }
      const joinBegin = performance.now()
      joined = await startNodeProcess(directory, 'n4', addresses, {}, 'join')
      await leader.call('add', { id: 'n4', address: addresses.n4 })
      const loading = leader.load({ type: 'load', outstanding: 16, seconds: 5, bytes: 128 })
      while (!(await hasRestored(joined))) await pause(20)
      const joinSeconds = (performance.now() - joinBegin) / 1000
      const during = await loading
      const rssAfter = (await leader.usage()).rssBytes
      return {
        bytes,
        takeSeconds,
        joinSeconds,
        p99BeforeMs: before.p99Ms,
        p99DuringMs: during.p99Ms,
        leaderRssBeforeBytes: rssBefore,
        leaderRssAfterBytes: rssAfter,
      }
    } finally {
      await joined?.kill()
      await stop(cluster)
    }
  })
}

async function hasRestored(worker: Worker): Promise<boolean> {
  const status = (await worker.call('status')) as { readonly snapshotIndex: number; readonly appliedIndex: number }
  return status.snapshotIndex > 0 && status.appliedIndex >= status.snapshotIndex
}
