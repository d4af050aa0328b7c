/** Simulated callers: clients that write and read, and an operator. Every call and its outcome is reported to the property monitor. */
import type { ReadMode } from '../../contracts/node-service.ts'
import type { SessionCommand } from '../../contracts/session.ts'
import type { MembershipChange } from '../../core/inputs.ts'
import type { NodeId, Term } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'
import { jsonCodec } from '../../platform/json-codec.ts'
import { Acknowledgements } from './acknowledgements.ts'
import type { CallResult } from './call-result.ts'
import { ChangeReaders } from './change-readers.ts'
import type { Cluster } from './cluster.ts'
import { addressOf } from './endpoint.ts'
import { SessionClients } from './session-clients.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { Call, Workload } from './workload.ts'
import { LEADER } from './workload.ts'

const texts = jsonCodec<string>()

/** A write follows at most this many leader hints. */
const HINTS_MAX = 3

export class Clients {
  readonly #cluster: Cluster
  #calls = 0
  #acknowledged = 0
  readonly #acknowledgements = new Acknowledgements()
  /** Per open request: the node that handles it, and a function that ends the request when that node's process ends. */
  readonly #open = new Map<object, { at: SimulatedNode; readonly end: (answer: CallResult) => void }>()
  readonly #sessionClients: SessionClients
  readonly #changeReaders: ChangeReaders
  /** Removed members: their data directories are known to the cluster, so they are not added again. */
  readonly #removed = new Set<NodeId>()
  readonly #added = new Set<NodeId>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#changeReaders = new ChangeReaders(cluster)
    this.#sessionClients = new SessionClients(cluster, {
      invoke: (first) => this.#invokeWrite(first),
      end: (call, answer) => this.#endWrite(call, answer),
      register: (at) =>
        this.#callNode(at, async (node) => ({
          index: (await node.registerSession({ awaitLeader: false })).id,
          result: '',
        })),
      propose: (call, at, session) => this.#propose(at, texts.encode(commandOf(call)), { session }),
    })
  }

  get openCalls(): number {
    return this.#open.size
  }

  /** The number of calls started so far. */
  get calls(): number {
    return this.#calls
  }

  /** The highest number of an acknowledged write. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  schedule(workload: Workload): void {
    for (const call of workload) this.#cluster.time.after(Math.round(call.atMs * 1000), () => this.perform(call))
  }

  perform(call: Call): void {
    const { leader } = this.#cluster
    switch (call.type) {
      case 'write':
        for (let command = 0; command < call.count; command++) void this.#write(this.#cluster.nodeOf(call.node))
        return
      case 'writeLarge':
        return void this.#write(this.#cluster.nodeOf(call.node), call.bytes)
      case 'writeInSession':
        return void this.#sessionClients.write(call)
      case 'writeInTerm':
        return void this.#writeInTerm(this.#cluster.nodeOf(call.node), call.afterMs)
      case 'follow':
        return this.#changeReaders.follow(call.reader, this.#cluster.nodeOf(call.node))
      case 'read':
        return void this.#read(this.#cluster.nodeOf(call.node), call.mode)
      case 'readFresh':
        for (let time = 0; time < call.times; time++) {
          const read = (): unknown => this.#readFresh(this.#cluster.nodeOf(call.node), call)
          this.#cluster.time.after(time * call.everyMs * 1000, read)
        }
        return
      case 'snapshot':
        return ignoreOutcome(this.#cluster.nodeOf(call.node).node?.takeSnapshot())
      case 'transfer':
        return ignoreOutcome(leader?.node?.transferLeadership({ to: this.#cluster.nodeOf(call.node).id }))
      case 'change': {
        const change = this.#applicableChange(call)
        if (change !== undefined) ignoreOutcome(leader?.node?.changeMembership(change))
      }
    }
  }

  /** Ends every open call at this node with an unknown outcome. */
  onProcessEnded(node: SimulatedNode): void {
    for (const call of [...this.#open.values()])
      if (call.at === node) call.end({ outcome: 'unknown', index: 0, leader: undefined })
  }

  async #write(first: SimulatedNode, bytesMin = 0): Promise<void> {
    const call = this.#invokeWrite(first)
    const bytes = padded(texts.encode(commandOf(call)), bytesMin)
    let at: SimulatedNode | undefined = first
    for (let hint = 0; ; hint++) {
      const answer = await this.#propose(at, bytes)
      at = this.#cluster.nodes.find(({ id }) => id === answer.leader)
      if (answer.outcome === 'not-applied' && at !== undefined && hint < HINTS_MAX) continue
      return this.#endWrite(call, answer)
    }
  }

  #writeInTerm(informant: SimulatedNode, afterMs: number): void {
    const expectTerm = this.#cluster.statusOf(informant)?.term
    if (expectTerm === undefined) return
    this.#cluster.time.after(afterMs * 1000, () => {
      const at = this.#cluster.nodeOf(LEADER)
      const call = this.#invokeWrite(at, expectTerm)
      void this.#propose(at, texts.encode(commandOf(call)), { expectTerm }).then((answer) =>
        this.#endWrite(call, answer),
      )
    })
  }

  #invokeWrite(first: SimulatedNode, expectTerm?: Term): number {
    const call = ++this.#calls
    const command = commandOf(call)
    this.#cluster.observe({ type: 'invoked', call, node: first.id, what: 'write', command, expectTerm })
    return call
  }

  #endWrite(call: number, answer: CallResult): void {
    if (answer.outcome === 'applied') {
      this.#acknowledged = Math.max(this.#acknowledged, call)
      this.#acknowledgements.add(this.#cluster.time.nowUs, answer.index)
    }
    this.#onReturned(call, answer)
  }

  #propose(
    at: SimulatedNode,
    bytes: Uint8Array,
    options: { readonly session?: SessionCommand; readonly expectTerm?: Term } = {},
  ): Promise<CallResult> {
    return this.#callNode(at, async (node) => {
      const { index, result } = await node.proposeBytes(bytes, options)
      return { index, result: texts.decode(result) }
    })
  }

  async #read(at: SimulatedNode, wanted: ReadMode): Promise<void> {
    const call = ++this.#calls
    const mode = this.#cluster.settings.leaseReads === true ? wanted : 'linearizable'
    const query = `r${call}`
    this.#cluster.observe({ type: 'invoked', call, node: at.id, what: 'read', command: query })
    const answer = await this.#callNode(at, async (node) => {
      const { appliedIndex, answer: bytes } = await node.queryBytes(texts.encode(query), { mode })
      return { index: appliedIndex, result: texts.decode(bytes) }
    })
    this.#onReturned(call, answer)
  }

  async #readFresh(
    at: SimulatedNode,
    { maxStalenessMs, own }: Pick<Call & { readonly type: 'readFresh' }, 'maxStalenessMs' | 'own'>,
  ): Promise<void> {
    const call = ++this.#calls
    const query = `r${call}`
    const atLeast = own ? this.#acknowledgements.highest : 0
    const isBounded = maxStalenessMs > 0
    const options = { mode: 'local', atLeast, maxStalenessMs: isBounded ? maxStalenessMs : undefined } as const
    this.#cluster.observe({ type: 'invoked', call, node: at.id, what: 'fresh read', command: query, atLeast })
    const { outcome, index } = await this.#callNode(at, async (node) => {
      const { appliedIndex } = await node.queryBytes(texts.encode(query), options)
      return { index: appliedIndex, result: '' }
    })
    const sinceUs = this.#cluster.time.nowUs - maxStalenessMs * 1000
    const acknowledged = isBounded ? this.#acknowledgements.before(sinceUs) : 0
    this.#cluster.observe({ type: 'returned', call, outcome, index, acknowledged })
  }

  #onReturned(call: number, { outcome, index, result }: CallResult): void {
    this.#cluster.observe({ type: 'returned', call, outcome, index, result })
  }

  /** Calls one node, and resolves with its answer or when its process ends. */
  #callNode(
    at: SimulatedNode,
    request: (node: NonNullable<SimulatedNode['node']>) => Promise<{ readonly index: number; readonly result: string }>,
  ): Promise<CallResult> {
    const { node } = at
    if (node === undefined) return Promise.resolve({ outcome: 'not-applied', index: 0, leader: undefined })
    return new Promise((resolve) => {
      const key = {}
      const end = (answer: CallResult): void => {
        if (this.#open.delete(key)) resolve(answer)
      }
      this.#open.set(key, { at, end })
      request(node).then(
        ({ index, result }) => end({ outcome: 'applied', index, result, leader: undefined }),
        (error) => end(this.#resultOf(error)),
      )
    })
  }

  #resultOf(error: unknown): CallResult {
    if (isRaftError(error)) {
      const { code, outcome, details, leader } = error
      return { outcome, index: outcome === 'applied' ? Number(details.index) : 0, leader: leader?.id, code }
    }
    this.#cluster.fail(error)
    return { outcome: 'unknown', index: 0, leader: undefined }
  }

  /** The autopilot removes members without the operator: one that may have been a member is not added. */
  #isNew(id: NodeId): boolean {
    if (this.#cluster.settings.autopilotDeadMs === undefined) return true
    const isInitial = this.#cluster.nodes.some((node) => node.id === id && node.isBootstrapped)
    return !isInitial && !this.#added.has(id)
  }

  /** The part of a change that applies to the leader's current membership; undefined if no part does. */
  #applicableChange(call: Call & { readonly type: 'change' }): MembershipChange | undefined {
    const { leader } = this.#cluster
    const membership = leader && this.#cluster.statusOf(leader)?.membership
    if (membership === undefined) return undefined
    const ids = (numbers: readonly number[]): NodeId[] => [
      ...new Set(numbers.map((number) => this.#cluster.nodeOf(number).id)),
    ]
    const isMember = (id: NodeId): boolean => membership.members.some((member) => member.id === id)
    const add = ids(call.add)
      .filter((id) => !isMember(id) && !this.#removed.has(id) && this.#isNew(id))
      .map((id, offset) => ({ id, address: addressOf(id), promote: offset % 2 === 0 }))
    const remove = ids(call.remove).filter(isMember)
    const promote = ids(call.promote).filter((id) => membership.learners.includes(id) && !remove.includes(id))
    const demote = ids(call.demote).filter((id) => membership.voters.includes(id) && !remove.includes(id))
    const { withoutData } = this.#cluster
    if (
      withoutData.size > 0 &&
      (add.length + promote.length + demote.length > 0 || !remove.every((id) => withoutData.has(id)))
    )
      return undefined
    if (add.length + remove.length + promote.length + demote.length === 0) return undefined
    const leaving = new Set([...remove, ...demote])
    if (membership.voters.every((id) => leaving.has(id))) return undefined
    for (const id of remove) this.#removed.add(id)
    for (const { id } of add) this.#added.add(id)
    return { add, promote, demote, remove }
  }
}

const SPACE = 32

/** Every write has a command of its own. */
function commandOf(call: number): string {
  return `w${call}`
}

/** Pads JSON text with spaces, which a parser ignores. */
function padded(text: Uint8Array, bytesMin: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(text.length, bytesMin)).fill(SPACE)
  bytes.set(text)
  return bytes
}

/** The operator ignores the outcome; the property monitor sees it. */
function ignoreOutcome(promise: Promise<unknown> | undefined): void {
  promise?.catch(() => {})
}
