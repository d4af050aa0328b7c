/** A cluster of scripted nodes on virtual time for tests of the client; it records every call. */
import type { RaftClientOptions } from '../../src/client/options.ts'
import { RaftClient } from '../../src/client/raft-client.ts'
import type {
  Applied,
  ChangeBatch,
  NodeService,
  NodeStatus,
  ProposeOptions,
  ReadOptions,
} from '../../src/contracts/node-service.ts'
import type { RegisteredSession, SessionCommand } from '../../src/contracts/session.ts'
import type { SnapshotInfo } from '../../src/core/types.ts'
import type { ErrorCode, RaftErrorOptions } from '../../src/errors.ts'
import { RaftError } from '../../src/errors.ts'
import { memoryChannelFactory } from '../../src/memory/memory-channel.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'

/** Replaces the behaviour of a node for one call. */
export type Script = (bytes: Uint8Array, options: ProposeOptions) => Promise<Applied>

export class ScriptedCluster {
  readonly time = new VirtualTime()
  readonly clock: NodeClock = new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 })
  readonly nodes = new Map<string, ScriptedNode>()
  /** Every call that reached a node, for example 'n1 propose @120' (in virtual milliseconds). */
  readonly calls: string[] = []
  /** Every command applied, in order. */
  readonly applied: string[] = []
  /** The number of registered sessions. */
  sessions = 0
  /** The sessions below have expired. */
  firstSession = 0
  /** Whether nodes reject registrations, as for a caller without a role. */
  refusesSessions = false
  refusals = 0
  readonly sessionResults = new Map<string, Applied>()
  leader: string | undefined
  term = 1
  /** Whether the other nodes forward proposals to the leader, if the client does not ask for the leader only. */
  forwards = false

  constructor(...ids: string[]) {
    for (const id of ids) this.nodes.set(`${id}:1`, new ScriptedNode(this, id))
    this.leader = ids[0]
  }

  node(id: string): ScriptedNode {
    return this.nodes.get(`${id}:1`) as ScriptedNode
  }

  elect(id: string | undefined): void {
    this.leader = id
    this.term++
  }

  client(
    options: Partial<RaftClientOptions<string, string, string, string>> = {},
  ): RaftClient<string, string, string, string> {
    return new RaftClient<string, string, string, string>({
      endpoints: [...this.nodes.keys()],
      channel: memoryChannelFactory((address) => this.nodes.get(address)?.asIfUp(), { clock: this.clock }),
      clock: this.clock,
      random: () => 0,
      sessions: false,
      ...options,
    })
  }

  /** Advances the time until the promise settles. */
  async run<Value>(work: Promise<Value>): Promise<Value> {
    let isSettled = false
    const watched = work.finally(() => {
      isSettled = true
    })
    watched.catch(() => undefined)
    for (;;) {
      await flushPromises()
      if (isSettled) return watched
      if (!this.time.step(this.time.nextUs() ?? Number.NaN))
        throw new Error('the promise is pending, and no timer is left')
    }
  }

  /** The error with which the promise rejects. */
  async failure(work: Promise<unknown>): Promise<RaftError> {
    return this.run(
      work.then(
        () => {
          throw new Error('it did not fail')
        },
        (error: unknown) => error as RaftError,
      ),
    )
  }

  at(ms: number, action: () => void): void {
    this.time.after(ms * 1000, action)
  }

  /** The ids of the nodes that received calls of one kind, in order. */
  nodesCalled(kind: string): string[] {
    return this.calls.filter((call) => call.includes(` ${kind} `)).map((call) => call.split(' ')[0] as string)
  }
}

/** Waits until every promise that does not depend on time has settled. */
async function flushPromises(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export class ScriptedNode implements NodeService {
  readonly id: string
  readonly #cluster: ScriptedCluster
  isUp = true
  /** Receives calls and answers none, as a stopped process does. */
  isFrozen = false
  /** Used for one call each, before the normal behaviour. */
  readonly scripts: Script[] = []
  /** Used for every call, once `scripts` is empty. */
  always: Script | undefined
  membershipIndex = 1
  members: string[] | undefined
  /** The members that this node finds at another address than that of the membership. */
  moved: NodeStatus['moved'] = []

  constructor(cluster: ScriptedCluster, id: string) {
    this.#cluster = cluster
    this.id = id
  }

  asIfUp(): ScriptedNode | undefined {
    return this.isUp ? this : undefined
  }

  async proposeBytes(command: Uint8Array, options: ProposeOptions = {}): Promise<Applied> {
    this.#record('propose')
    const script = this.#script()
    if (script !== undefined) return script(command, options)
    if (!this.#cluster.forwards || options.forward === false) this.#assertLeader()
    return this.apply(command, options.session)
  }

  async *changesBytes(): AsyncGenerator<ChangeBatch> {}

  async registerSession(): Promise<RegisteredSession> {
    this.#record('register')
    if (this.isFrozen) return new Promise(() => undefined)
    if (this.#cluster.refusesSessions) {
      this.#cluster.refusals++
      throw new RaftError('ERR_RAFT_UNAUTHORIZED', 'a registration needs the role client, seen no role')
    }
    this.#assertLeader()
    return { id: ++this.#cluster.sessions, clusterId: 'test' }
  }

  async queryBytes(query: Uint8Array, options: ReadOptions = {}) {
    this.#record(options.mode === 'local' ? 'local' : 'query')
    const script = this.#script()
    if (script !== undefined) {
      const { result, index, term } = await script(query, options)
      return { answer: result, appliedIndex: index, term }
    }
    if (options.mode !== 'local') this.#assertLeader()
    return { answer: query, appliedIndex: this.#cluster.applied.length, term: this.#cluster.term }
  }

  /** Applies a command of a session once, whichever node it is sent to. */
  apply(command: Uint8Array, session?: SessionCommand): Applied {
    const { sessionResults, firstSession } = this.#cluster
    if (session === undefined) return this.#append(command)
    if (session.id < firstSession) throw new RaftError('ERR_RAFT_SESSION_EXPIRED', 'expired')
    const key = `${session.id}/${session.sequence}`
    const result = sessionResults.get(key) ?? this.#append(command)
    sessionResults.set(key, result)
    return result
  }

  #append(command: Uint8Array): Applied {
    const { applied, term } = this.#cluster
    applied.push(JSON.parse(new TextDecoder().decode(command)) as string)
    return { index: applied.length, term, result: command }
  }

  async status(): Promise<NodeStatus> {
    this.#record('status')
    if (this.isFrozen) return new Promise(() => undefined)
    const { leader, term, nodes } = this.#cluster
    const ids = this.members ?? [...nodes.values()].map(({ id }) => id)
    const status = statusOf(this.id, { leader, term, ids, membershipIndex: this.membershipIndex })
    return { ...status, moved: this.moved }
  }

  async changeMembership(): Promise<{ readonly index: number }> {
    this.#record('change')
    await this.#script()?.(new Uint8Array(0), {})
    this.#assertLeader()
    return { index: 7 }
  }

  async transferLeadership({
    to,
  }: {
    readonly to?: string | undefined
  } = {}): Promise<{ readonly leader: string | undefined }> {
    this.#record('transfer')
    this.#assertLeader()
    return { leader: to }
  }

  async readSnapshot(id: string, offset: number): Promise<Uint8Array> {
    return new TextEncoder().encode(`${id}@${offset}`)
  }

  async takeSnapshot(): Promise<SnapshotInfo> {
    this.#record('snapshot')
    return { id: `of-${this.id}`, index: 1, term: 1, chain: 9, membership: membershipOf([this.id]), size: 10 }
  }

  #script(): Script | undefined {
    if (this.isFrozen) return hangs()
    return this.scripts.shift() ?? this.always
  }

  #record(kind: string): void {
    this.#cluster.calls.push(`${this.id} ${kind} @${Math.round(this.#cluster.clock.now())}`)
  }

  #assertLeader(): void {
    const { leader, term } = this.#cluster
    if (leader === this.id) return
    if (leader === undefined) throw new RaftError('ERR_RAFT_NO_LEADER', 'no leader')
    const address = this.moved.find(({ id }) => id === leader)?.address ?? `${leader}:1`
    throw new RaftError('ERR_RAFT_NOT_LEADER', `${leader} leads`, {
      leader: { id: leader, address, term },
    })
  }
}

/** A script that fails. */
export function fails(code: ErrorCode, options: RaftErrorOptions = {}): Script {
  return async () => {
    throw new RaftError(code, 'scripted failure', options)
  }
}

/** A script that never responds. */
export function hangs(): Script {
  return () => new Promise(() => undefined)
}

function membershipOf(ids: readonly string[]): NodeStatus['membership'] {
  return {
    members: ids.map((id) => ({ id, address: `${id}:1`, directoryId: '', addedAt: 0, promote: false })),
    voters: ids,
    outgoing: [],
    learners: [],
  }
}

export function statusOf(
  id: string,
  {
    leader,
    term,
    ids,
    membershipIndex,
  }: { leader: string | undefined; term: number; ids: readonly string[]; membershipIndex: number },
): NodeStatus {
  return {
    id,
    role: leader === id ? 'leader' : 'follower',
    term,
    leader,
    votedFor: leader,
    firstIndex: 1,
    lastIndex: 9,
    lastTerm: term,
    persistedIndex: 9,
    commitIndex: 9,
    appliedIndex: 9,
    snapshotIndex: 0,
    logBytes: 900,
    membership: membershipOf(ids),
    membershipIndex,
    isMembershipCommitted: true,
    isTransferring: false,
    isRemoved: false,
    stopped: undefined,
    peers: [],
    clusterId: 'test',
    directoryId: `directory-of-${id}`,
    address: `${id}:1`,
    leaderAddress: leader === undefined ? undefined : `${leader}:1`,
    version: '0.0.0',
    alarms: [],
    loopDelayMs: 0.5,
    freeBytes: undefined,
    storage: undefined,
    peerTransport: undefined,
    pendingProposals: 0,
    moved: [],
    connected: ids.filter((other) => other !== id),
  }
}
