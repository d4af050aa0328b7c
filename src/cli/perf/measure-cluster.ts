/** Collects, for a while, the delays that the nodes of a running cluster measure. */
import { setTimeout as wait } from 'node:timers/promises'
import type { RaftClient } from '../../client/index.ts'
import type { NodeStatus } from '../../contracts/node-service.ts'
import { RaftError } from '../../errors.ts'
import type { Measurement } from './verdicts.ts'

/** Nodes report the longest delay of the last ten seconds at least: no sample misses one. */
const SAMPLE_MS = 1000

export interface ClusterSamples {
  readonly measurements: readonly Measurement[]
  /** Nodes that did not answer, or whose release does not report its timeouts. */
  readonly silent: readonly string[]
}

/** The longest delay of each kind. Rejects with ERR_RAFT_UNREACHABLE if no node responds. */
export async function measureCluster(
  client: Pick<RaftClient, 'status'>,
  options: { readonly durationMs: number; readonly timeoutMs: number; readonly onProgress: (doneMs: number) => void },
): Promise<ClusterSamples> {
  const { durationMs, timeoutMs, onProgress } = options
  const longest = new Map<string, Measurement>()
  const silent = new Set<string>()
  const until = performance.now() + durationMs
  for (;;) {
    for (const answer of await client.status({ timeoutMs })) {
      const measured = 'status' in answer ? measurementsOf(answer.status) : []
      if (measured.length === 0) silent.add('status' in answer ? answer.status.id : answer.address)
      for (const one of measured) {
        const key = `${one.where} ${one.what}`
        if (one.longestMs >= (longest.get(key)?.longestMs ?? 0)) longest.set(key, one)
      }
    }
    const leftMs = until - performance.now()
    onProgress(durationMs - Math.max(0, leftMs))
    if (leftMs <= 0) break
    await wait(Math.min(SAMPLE_MS, leftMs))
  }
  if (longest.size === 0)
    throw new RaftError('ERR_RAFT_UNREACHABLE', `no node reports its delays; asked ${[...silent].join(', ')}`, {
      hint: 'start the nodes, or give other addresses with --endpoints; or measure this machine with --data-dir',
    })
  return { measurements: [...longest.values()].sort((a, b) => a.where.localeCompare(b.where)), silent: [...silent] }
}

function measurementsOf({ id, timing, loopDelayMs, peers, membership }: NodeStatus): Measurement[] {
  if (timing === undefined) return []
  const own = [
    { where: id, what: 'event loop', longestMs: loopDelayMs, timeouts: timing },
    { where: id, what: 'durable write', longestMs: timing.writeMs, timeouts: timing },
  ] as const
  const responses = peers
    .filter((peer) => peer.isReplicating && membership.voters.includes(peer.id))
    .map((peer) => ({
      where: `${id} → ${peer.id}`,
      what: 'response' as const,
      longestMs: peer.responseMs,
      timeouts: timing,
    }))
  return [...own, ...responses]
}
