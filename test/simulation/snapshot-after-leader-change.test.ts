/** A follower whose leader dies while it fetches a snapshot continues with the next leader: at its offset if the content is the same, else from the start. */
import assert from 'node:assert/strict'
import type { SnapshotStore, Storage } from '../../src/contracts/storage.ts'
import type { Transport } from '../../src/contracts/transport.ts'
import type { SnapshotInfo } from '../../src/core/types.ts'
import { RaftError } from '../../src/errors.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { Clients } from '../../src/testing/simulation/clients.ts'
import { Cluster } from '../../src/testing/simulation/cluster.ts'
import type { Interceptors } from '../../src/testing/simulation/interceptors.ts'
import type { SimulatedNode } from '../../src/testing/simulation/simulated-node.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'
import { withMessages, withStorage } from './wrappers.ts'

const CRASH_MS = 900
const IDLE_MS = 2000
const END_MS = 5000
const CHUNKS_BEFORE_CRASH = 1

/** One fetch of the follower. */
interface Fetch {
  readonly from: string
  readonly id: string
  readonly offset: number
  bytes: number
}

interface Run {
  readonly fetches: readonly Fetch[]
  readonly failure: unknown
}

/** The followers take their snapshots at the leader's index, or one entry later. */
async function fetchAcrossLeaders(areEqual: boolean, bug: Interceptors = {}): Promise<Run> {
  const fetches: Fetch[] = []
  let lagging: SimulatedNode | undefined
  let crashLeader = (): void => undefined
  const transport = (transport: Transport, id: string): Transport => {
    const fetchSnapshot = transport.fetchSnapshot.bind(transport)
    return Object.assign(transport, {
      async *fetchSnapshot(from: string, file: string, offset: number, signal: AbortSignal) {
        const fetch: Fetch = { from, id: file, offset, bytes: 0 }
        if (id === lagging?.id) fetches.push(fetch)
        let chunks = 0
        for await (const chunk of fetchSnapshot(from, file, offset, signal)) {
          if (fetch === fetches[0] && ++chunks > CHUNKS_BEFORE_CRASH) {
            crashLeader()
            throw new RaftError('ERR_RAFT_UNREACHABLE', 'the leader has crashed')
          }
          fetch.bytes += chunk.length
          yield chunk
        }
      },
    })
  }
  const cluster = new Cluster({
    seed: 8,
    plan: { voters: 3, spares: 0 },
    settings: { snapshotEntries: 1_000_000, snapshotBytes: 1_000_000, trailingEntries: 0, laggardBytesMax: 0 },
    isTraced: false,
    interceptors: { ...bug, transport },
  })
  const clients = new Clients(cluster)
  const write = (atMs: number) => ({ type: 'write', atMs, node: LEADER, count: 1 }) as const
  clients.schedule(Array.from({ length: 60 }, (_, count) => write(1000 + 10 * count)))
  if (!areEqual) clients.schedule([write(IDLE_MS + 100)])
  for (const node of cluster.nodes) node.start()
  await cluster.runUntil(CRASH_MS * 1000)
  const leader = cluster.leader as SimulatedNode
  const [follower, other] = cluster.nodes.filter((node) => node !== leader) as [SimulatedNode, SimulatedNode]
  follower.crash(true)
  await cluster.runUntil(IDLE_MS * 1000)
  void leader.node?.takeSnapshot()
  await cluster.runUntil((IDLE_MS + 300) * 1000)
  void other.node?.takeSnapshot()
  await cluster.runUntil((IDLE_MS + 400) * 1000)
  lagging = follower
  crashLeader = () => leader.crash(true)
  follower.start()
  await cluster.runUntil(END_MS * 1000)
  if (cluster.failure === undefined)
    assert.equal(follower.node?.statusNow().snapshotIndex, other.node?.statusNow().snapshotIndex)
  return { fetches, failure: cluster.failure }
}

/** A node that appends to whatever partial file it has, and offers snapshots without a checksum, so that no check notices. */
const RESUME_ANY: Interceptors = {
  core: (raft) =>
    withMessages(raft, (message) =>
      message.type === 'InstallSnapshotRequest'
        ? { ...message, snapshot: { ...message.snapshot, checksum: undefined } }
        : message,
    ),
  storage: (storage) => withStorage(storage, { snapshots: resumeAny(storage) }),
}

/** Fetched files share one partial file. */
function resumeAny({ snapshots }: Storage): SnapshotStore {
  let partial: SnapshotInfo | undefined
  const names = new Map<string, string>()
  return {
    create: async (info) => {
      partial ??= info
      names.set(info.id, partial.id)
      return snapshots.create({ ...partial, size: 0 })
    },
    read: (id, offset) => snapshots.read(names.get(id) ?? id, offset),
    list: () => snapshots.list(),
    retain: (ids) => snapshots.retain(ids.map((id) => names.get(id) ?? id)),
  }
}

describe('a follower whose leader crashes while it fetches a snapshot', () => {
  it('continues at its offset if the next leader has the same snapshot under another name', async () => {
    const { fetches, failure } = await fetchAcrossLeaders(true)
    assert.equal(failure, undefined)
    const [first, last] = [fetches[0] as Fetch, fetches.at(-1) as Fetch]
    assert.ok(first.from !== last.from && first.id !== last.id, JSON.stringify(fetches))
    assert.ok(first.bytes > 0 && last.bytes > 0)
    assert.equal(last.offset, first.bytes)
  })

  it('starts again if the snapshot of the next leader is another one', async () => {
    const { fetches, failure } = await fetchAcrossLeaders(false)
    assert.equal(failure, undefined)
    const [first, last] = [fetches[0] as Fetch, fetches.at(-1) as Fetch]
    assert.ok(first.from !== last.from && first.bytes > 0, JSON.stringify(fetches))
    assert.equal(last.offset, 0)
  })

  it('violates I21 if it continues at the offset of another snapshot', async () => {
    const { failure } = await fetchAcrossLeaders(false, RESUME_ANY)
    assert.ok(failure instanceof PropertyViolation, String(failure))
    assert.equal(failure.property.id, 'I21')
  })
})
