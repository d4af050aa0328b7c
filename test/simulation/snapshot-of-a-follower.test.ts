/** A member that needs a snapshot fetches it from a follower, and from the leader when that fails. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Transport } from '../../src/contracts/transport.ts'
import { runPlans } from '../../src/testing/arbitraries/plans.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { simulate } from '../../src/testing/simulate.ts'
import { Clients } from '../../src/testing/simulation/clients.ts'
import { Cluster } from '../../src/testing/simulation/cluster.ts'
import type { Interceptors } from '../../src/testing/simulation/interceptors.ts'
import type { SimulatedNode } from '../../src/testing/simulation/simulated-node.ts'
import type { Workload } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'
import { runsOr, SEED } from './budget.ts'
import { withEffects, withMessages } from './wrappers.ts'

const JOIN_MS = 2500
const END_MS = 6000
const RUNS = 12
const WRITES = 90

/** One attempt of the new member. */
interface Fetch {
  readonly from: string
  readonly offset: number
  bytes: number
}

interface Join {
  readonly fetches: readonly Fetch[]
  readonly leader: SimulatedNode
  readonly source: SimulatedNode
  readonly other: SimulatedNode
  readonly member: SimulatedNode
  readonly cluster: Cluster
}

/** Adds a fourth member; `onChunk` is called before the first fetch that gets any bytes gets its second chunk. The three nodes have different snapshots: the leader the newest, and `source` the newer one of the followers. */
async function join(onChunk: (join: Join) => unknown = () => undefined, bug: Interceptors = {}): Promise<Join> {
  const fetches: Fetch[] = []
  let result: Join | undefined
  const transport = (transport: Transport, id: string): Transport => {
    const fetchSnapshot = transport.fetchSnapshot.bind(transport)
    const tapped = Object.assign(transport, {
      async *fetchSnapshot(from: string, file: string, offset: number, signal: AbortSignal) {
        const fetch: Fetch = { from, offset, bytes: 0 }
        fetches.push(fetch)
        for await (const chunk of fetchSnapshot(from, file, offset, signal)) {
          if (fetch === fetches.find(({ bytes }) => bytes > 0) && result !== undefined) await onChunk(result)
          fetch.bytes += chunk.length
          yield chunk
        }
      },
    })
    return bug.transport?.(tapped, id) ?? tapped
  }
  const cluster = new Cluster({
    seed: 5,
    plan: { voters: 3, spares: 1 },
    settings: { snapshotEntries: 1_000_000, snapshotBytes: 1_000_000, trailingEntries: 20, trailingBytesMax: 10_000 },
    isTraced: false,
    interceptors: { ...bug, transport },
  })
  const clients = new Clients(cluster)
  const write = (atMs: number) => ({ type: 'write', atMs, node: LEADER, count: 1 }) as const
  clients.schedule(Array.from({ length: WRITES }, (_, count) => write(1000 + 8 * count)))
  clients.schedule([write(2100), write(2250), write(END_MS - 500)])
  for (const node of cluster.nodes) node.start()
  await cluster.runUntil(2_000_000)
  const leader = cluster.leader as SimulatedNode
  const [source, other] = cluster.nodes.filter((node) => node !== leader) as [SimulatedNode, SimulatedNode]
  void other.node?.takeSnapshot()
  await cluster.runUntil(2_200_000)
  void source.node?.takeSnapshot()
  await cluster.runUntil(2_400_000)
  void leader.node?.takeSnapshot()
  await cluster.runUntil(JOIN_MS * 1000)
  const member = cluster.nodes[3] as SimulatedNode
  result = { fetches, leader, source, other, member, cluster }
  clients.schedule([{ type: 'change', atMs: JOIN_MS, add: [3], promote: [], demote: [], remove: [] }])
  await cluster.runUntil(END_MS * 1000)
  return result
}

function assertJoined({ member, cluster }: Join): void {
  assert.equal(cluster.failure, undefined)
  const [own, leaders] = [member.node?.statusNow(), cluster.leader?.node?.statusNow()]
  assert.deepEqual([own?.appliedIndex, own?.role], [leaders?.appliedIndex, 'follower'])
}

describe('a new member', () => {
  it('fetches its snapshot from a follower, and the leader sends only the entries after it', async () => {
    const joined = await join()
    assertJoined(joined)
    const { fetches, source, member, leader } = joined
    assert.deepEqual([...new Set(fetches.map(({ from }) => from))], [source.id])
    const indexes = [source, member, leader].map(({ node }) => node?.statusNow().snapshotIndex ?? 0)
    assert.equal(indexes[0], indexes[1])
    assert.ok((indexes[0] as number) < (indexes[2] as number))
  })

  for (const { what, fault } of [
    { what: 'the follower crashes', fault: ({ source }: Join) => source.crash(true) },
    {
      what: 'it does not reach the follower any longer',
      fault: ({ cluster: { network }, source, member }: Join) => {
        network.cut(source.id, member.id)
        network.cut(member.id, source.id)
      },
    },
  ])
    it(`fetches that of the leader if ${what}`, async () => {
      const joined = await join(fault)
      assertJoined(joined)
      const { fetches, source, leader } = joined
      assert.deepEqual([fetches[0]?.from, fetches.at(-1)?.from], [source.id, leader.id])
      assert.equal(fetches.at(-1)?.offset, 0)
    })

  it('continues at its offset if leadership moves, although the snapshot of the next leader is another one', async () => {
    const joined = await join(({ leader, other, cluster }) => {
      void leader.node?.transferLeadership({ to: other.id })
      return new Promise<void>((resolve) => cluster.time.after(400_000, resolve))
    })
    assertJoined(joined)
    const { fetches, source, other, cluster } = joined
    assert.equal(cluster.leader, other)
    assert.notEqual(other.node?.statusNow().snapshotIndex, source.node?.statusNow().snapshotIndex)
    const [first, last] = [fetches.find(({ bytes }) => bytes > 0), fetches.at(-1)]
    assert.deepEqual([first?.from, last?.from], [source.id, source.id])
    assert.ok(last !== first && (last?.offset ?? 0) > 0, JSON.stringify(fetches))
  })

  it('violates I21 if the leader takes the snapshot of the follower for one at the index of its own', async () => {
    const { cluster, source, fetches } = await join(undefined, MISTAKES_THE_INDEX)
    assert.ok(fetches.some(({ from, bytes }) => from === source.id && bytes > 0))
    assert.ok(cluster.failure instanceof PropertyViolation, String(cluster.failure))
    assert.equal(cluster.failure.property.id, 'I21')
  })

  it('satisfies the properties in random runs in which members join, wherever they fetch from', async () => {
    let fromFollowers = 0
    let fromLeaders = 0
    const count: Interceptors = {
      core: (raft) =>
        withEffects(raft, (effects) => {
          if (effects.fetch?.from === effects.fetch?.leader) fromLeaders += effects.fetch === undefined ? 0 : 1
          else fromFollowers++
          return effects
        }),
    }
    for (const random of fc.sample(runPlans({ untilMs: 4000 }), { numRuns: runsOr(RUNS), seed: SEED })) {
      const plan = { ...random, cluster: { voters: 3, spares: 2 }, workload: [...random.workload, ...JOINS] }
      const { failure } = await simulate({ ...plan, settings: { ...random.settings, ...OFTEN }, interceptors: count })
      assert.equal(failure, undefined, `seed ${random.seed}: ${failure}`)
    }
    assert.ok(fromFollowers > 0 && fromLeaders > 0, `${fromFollowers} from followers, ${fromLeaders} from leaders`)
  }).timeout(0)
})

const JOINS: Workload = [1200, 1800, 2400, 3000].flatMap((atMs) => {
  const change = { type: 'change', add: [3, 4], promote: [], demote: [], remove: [] } as const
  return [
    { ...change, atMs },
    { ...change, atMs: atMs + 300, add: [], remove: [3, 4] },
  ]
})

/** Followers have snapshots after which the leader still has the log. */
const OFTEN = { snapshotEntries: 6, trailingEntries: 12, trailingBytesMax: 5000 }

/** A leader that names the file of a follower, with the index and the hash chain of its own snapshot. */
const MISTAKES_THE_INDEX: Interceptors = {
  core: (raft) =>
    withMessages(raft, (message) => {
      const { snapshot: own } = raft.state.log
      if (message.type !== 'InstallSnapshotRequest' || message.source === undefined || own === undefined) return message
      const { index, term, chain } = own
      return { ...message, snapshot: { ...message.snapshot, index, term, chain } }
    }),
}
