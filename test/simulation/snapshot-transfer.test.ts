/** L8, exhaustively: a follower that needs a snapshot gets it, whichever single message of the transfer is lost. */
import assert from 'node:assert/strict'
import type { PeerMessage, Transport } from '../../src/contracts/transport.ts'
import { isRaftError, RaftError } from '../../src/errors.ts'
import { checkLiveness } from '../../src/testing/properties/liveness.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { Clients } from '../../src/testing/simulation/clients.ts'
import { Cluster } from '../../src/testing/simulation/cluster.ts'
import type { Interceptors } from '../../src/testing/simulation/interceptors.ts'
import type { SimulatedNode } from '../../src/testing/simulation/simulated-node.ts'
import type { Workload } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'
import { withMessageFilter, withoutRepeatedOffers } from './wrappers.ts'

const LOSSES = ['is lost', 'is lost with the connection', 'is followed by a partition'] as const

/** How the message with this number is lost; 0 loses none. */
interface InjectedLoss {
  readonly number: number
  readonly loss: (typeof LOSSES)[number]
}

const NO_LOSS: InjectedLoss = { number: 0, loss: 'is lost' }
const PARTITION_MS = 500
const CRASH_MS = 900
const RESTART_MS = 1700
const END_MS = 3500
/** Enough writes for a snapshot of several chunks, and one write at the end. */
const WRITES: Workload = [...Array.from({ length: 60 }, (_, count) => 1000 + 10 * count), 3200].map((atMs) => ({
  ...{ type: 'write', atMs, node: LEADER, count: 1 },
}))

const INSTALLED = 'InstallSnapshotResponse installed'
/** The messages of a transfer. This leader takes a newer snapshot while the follower fetches the first one, so one fetch fails. */
const ALL_MESSAGES = [
  'InstallSnapshotRequest',
  ...['InstallSnapshotResponse fetching', 'InstallSnapshotResponse failed', INSTALLED],
  ...['fetch', 'chunk', 'end of the stream'],
  ...['AppendEntriesRequest', 'AppendEntriesResponse accepted'],
]

/** Records, and may lose, everything between two nodes from the follower's restart until it accepts entries, snapshot chunks included. */
class LinkTap {
  readonly passed: string[] = []
  readonly #injected: InjectedLoss
  #ends: readonly SimulatedNode[] = []
  #cluster: Cluster | undefined

  constructor(injected: InjectedLoss) {
    this.#injected = injected
  }

  watch(cluster: Cluster, ...ends: readonly SimulatedNode[]): void {
    this.#cluster = cluster
    this.#ends = ends
  }

  wrap(transport: Transport, id: string): Transport {
    const isWatched = (peer: string): boolean => [id, peer].every((end) => this.#ends.some((node) => node.id === end))
    const pass = (what: string): boolean => this.#pass(what)
    const send = transport.send.bind(transport)
    const fetchSnapshot = transport.fetchSnapshot.bind(transport)
    return Object.assign(transport, {
      send: (to: string, message: PeerMessage) => (isWatched(to) && !pass(nameOf(message)) ? true : send(to, message)),
      async *fetchSnapshot(from: string, ...rest: [string, number, AbortSignal]): AsyncIterable<Uint8Array> {
        const arrives = (what: string): void => {
          if (isWatched(from) && !pass(what)) throw new RaftError('ERR_RAFT_UNREACHABLE', `the ${what} is lost`)
        }
        arrives('fetch')
        for await (const chunk of fetchSnapshot(from, ...rest)) {
          arrives('chunk')
          yield chunk
        }
        arrives('end of the stream')
      },
    })
  }

  /** Records a message; returns whether it arrives. */
  #pass(what: string): boolean {
    this.passed.push(what)
    if (this.passed.length === this.#injected.number) return this.#lose()
    if (what === 'AppendEntriesResponse accepted') this.#ends = []
    return true
  }

  #lose(): false {
    const { network, time } = this.#cluster as Cluster
    const [a, b] = this.#ends.map(({ id }) => id) as [string, string]
    if (this.#injected.loss === 'is lost with the connection') time.after(0, () => network.reset(a, b))
    if (this.#injected.loss === 'is followed by a partition') {
      const ways = [[a, b] as const, [b, a] as const]
      for (const way of ways) network.cut(...way)
      time.after(PARTITION_MS * 1000, () => ways.forEach((way) => void network.heal(...way)))
    }
    return false
  }
}

function nameOf(message: PeerMessage): string {
  if (message.type === 'AppendEntriesResponse') return `${message.type} ${message.isAccepted ? 'accepted' : 'rejected'}`
  return message.type === 'InstallSnapshotResponse' ? `${message.type} ${message.outcome}` : message.type
}

/** Restarts a follower whose leader has compacted its log. Returns the recorded messages and the failure, if any. */
async function rejoin(
  injected: InjectedLoss,
  bug: Interceptors = {},
): Promise<{ passed: readonly string[]; failure: unknown }> {
  const tap = new LinkTap(injected)
  const interceptors: Interceptors = {
    ...bug,
    transport: (transport, id) => {
      const tapped = tap.wrap(transport, id)
      return bug.transport?.(tapped, id) ?? tapped
    },
  }
  const cluster = new Cluster({
    seed: 8,
    plan: { voters: 3, spares: 0 },
    settings: {},
    isTraced: false,
    interceptors,
  })
  const clients = new Clients(cluster)
  clients.schedule(WRITES)
  for (const node of cluster.nodes) node.start()
  await cluster.runUntil(CRASH_MS * 1000)
  const leader = cluster.leader as SimulatedNode
  const follower = cluster.nodes.find((node) => node !== leader) as SimulatedNode
  follower.crash(true)
  await cluster.runUntil(RESTART_MS * 1000)
  tap.watch(cluster, leader, follower)
  follower.start()
  await cluster.runUntil(END_MS * 1000)
  const statuses = new Map(
    cluster.nodes.flatMap(({ id, node }) => (node === undefined ? [] : [[id, node.statusNow()]])),
  )
  const termAtDeadline = cluster.leader?.node?.statusNow().term
  try {
    checkLiveness({ statuses, openCalls: clients.openCalls, termAtDeadline })
  } catch (error) {
    cluster.fail(error)
  }
  if (cluster.failure === undefined) assert.equal(cluster.eventCounts.get('snapshotInstalled'), 1)
  return { passed: tap.passed, failure: cluster.failure }
}

/** A follower that does not retry an interrupted fetch. */
const FETCH_ONCE: Interceptors = {
  transport: (transport) => {
    const fetchSnapshot = transport.fetchSnapshot.bind(transport)
    return Object.assign(transport, {
      async *fetchSnapshot(...request: Parameters<typeof fetchSnapshot>): AsyncIterable<Uint8Array> {
        try {
          yield* fetchSnapshot(...request)
        } catch (error) {
          if (!isRaftError(error, 'ERR_RAFT_UNREACHABLE')) throw error
          await new Promise(() => {})
        }
      },
    })
  },
}

/** A follower that reports an installed snapshot only once. */
const REPORT_ONCE: Interceptors = {
  core: (raft) => {
    let hasReported = false
    return withMessageFilter(raft, (message) => {
      if (message.type !== 'InstallSnapshotResponse' || message.outcome !== 'installed') return true
      const hadReported = hasReported
      hasReported = true
      return !hadReported
    })
  },
}

describe('a follower that needs a snapshot', () => {
  for (const loss of LOSSES)
    it(`gets it if any single message of the transfer ${loss}`, async () => {
      const { passed, failure } = await rejoin(NO_LOSS)
      assert.equal(failure, undefined)
      assert.deepEqual(new Set(passed), new Set(ALL_MESSAGES))
      for (const [offset, what] of passed.entries()) {
        const { failure } = await rejoin({ number: offset + 1, loss })
        assert.equal(failure, undefined, `message ${offset + 1}, ${what}: ${failure}`)
      }
    })

  for (const { how, what, bug } of [
    { how: 'its leader offers it only once', what: undefined, bug: { core: withoutRepeatedOffers } },
    { how: 'a chunk is lost and the follower does not fetch again', what: 'chunk', bug: FETCH_ONCE },
    { how: 'its report of the installation is lost and not repeated', what: INSTALLED, bug: REPORT_ONCE },
  ])
    it(`violates L8 if ${how}`, async () => {
      const whole = await rejoin(NO_LOSS, bug)
      assert.equal(whole.failure === undefined, what !== undefined)
      const number = what === undefined ? 0 : whole.passed.lastIndexOf(what) + 1
      const { failure } = await rejoin({ number, loss: 'is lost' }, bug)
      assert.ok(failure instanceof PropertyViolation, String(failure))
      assert.equal(failure.property.id, 'L8')
    })
})
