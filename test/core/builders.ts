/** Builds nodes in a given state, and messages, for the tests of the core and of the paper. */
import type {
  Block,
  Effects,
  Input,
  LogIndex,
  Member,
  Membership,
  Message,
  NodeId,
  Outgoing,
  RaftEvent,
  RaftOptions,
  RaftStatus,
  Settlement,
  SnapshotInfo,
  Term,
} from '../../src/core/index.ts'
import { RAFT_DEFAULTS, Raft } from '../../src/core/index.ts'
import { checkState, checkTransition, summaryOf } from '../../src/core/invariants.ts'
import { chainAfter, chainBefore } from '../../src/core/log/chain.ts'
import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  PreVoteRequest,
  PreVoteResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  RequestVoteRequest,
  RequestVoteResponse,
  TimeoutNow,
} from '../../src/core/messages.ts'
import type { RaftState } from '../../src/core/state.ts'
import type { EntryId, Shortage } from '../../src/core/types.ts'

/** The initial state and the options of a node. */
export interface NodeSetup {
  /** Default: 'a'. */
  readonly id?: NodeId
  readonly term?: Term
  readonly votedFor?: NodeId
  /** The terms of the entries, '1 1 2'; '2x3' is one block of three entries of term 2. */
  readonly log?: string | readonly Block[]
  /** The log starts after this snapshot. */
  readonly snapshot?: SnapshotInfo
  readonly commit?: LogIndex
  readonly options?: Partial<RaftOptions>
}

/** What a node sent, settled and emitted in one call. */
export interface NodeOutput {
  readonly messages: readonly Outgoing[]
  readonly settled: readonly Settlement[]
  readonly events: readonly RaftEvent[]
}

const START_MS = 1000

/** The hash chain in messages and snapshots made here. A node that receives it gets the chain of its own log instead: that of an honest peer. */
export const HONEST_CHAIN = 0x5eed

/** A `Raft` with a clock and a disk controlled by the test. Checks the invariants after every step. */
export class TestNode {
  readonly raft: Raft
  readonly options: RaftOptions
  now: number = START_MS
  /** The events of the first step. */
  readonly startEvents: readonly RaftEvent[]
  /** The effects of the latest step. */
  effects: Effects
  #written = 0
  #output: { messages: Outgoing[]; settled: Settlement[]; events: RaftEvent[] } = noOutput()

  constructor(membership: Membership, setup: NodeSetup) {
    const { id = 'a', snapshot, votedFor, commit = 0, options = {} } = setup
    const blocks = blocksOf(setup.log ?? '', snapshot?.index ?? 0)
    const term = setup.term ?? blocks.at(-1)?.term ?? snapshot?.term ?? 0
    this.options = { ...RAFT_DEFAULTS, seed: 1, ...options, id }
    const hardState = { term, votedFor, commitIndex: commit }
    this.raft = new Raft(this.options, { hardState, snapshot, blocks, initialMembership: membership }, this.now)
    this.effects = this.step()
    this.startEvents = this.settle().events
  }

  get state(): RaftState {
    return this.raft.state
  }

  get status(): RaftStatus {
    return this.raft.status(this.now)
  }

  /** The terms of its entries: '1 1 2'. */
  get log(): string {
    const { log } = this.state
    const terms: string[] = []
    for (let index = log.firstIndex; index <= log.lastIndex; index++) terms.push(String(log.termAt(index)))
    return terms.join(' ')
  }

  /** Makes one step. Its writes stay pending until `settle`. */
  step(...inputs: readonly Input[]): Effects {
    const before = summaryOf(this.state)
    this.effects = this.raft.step(this.now, withChains(this.state, inputs))
    checkState(this.state)
    checkTransition(before, this.state)
    const { send, settle, events, persist } = this.effects
    this.#output.messages.push(...send)
    this.#output.settled.push(...settle)
    this.#output.events.push(...events)
    if (persist !== undefined) this.#pendingWrites.push(this.effects)
    if (this.effects.apply !== undefined) this.#applied = this.effects.apply.to - 1
    if (this.effects.install !== undefined) this.#applied = Math.max(this.#applied, this.effects.install.index)
    return this.effects
  }

  readonly #pendingWrites: Effects[] = []
  #applied: LogIndex = 0

  /** Completes all pending writes, sends the messages that waited for them, and applies committed entries. */
  settle(): NodeOutput {
    for (;;) {
      const write = this.#pendingWrites.shift()?.persist
      if (write !== undefined) {
        this.#written = write.number
        this.#output.messages.push(...write.then)
        this.step({ type: 'persisted', number: this.#written })
      } else if (this.#applied > this.state.log.appliedIndex) {
        this.step({ type: 'applied', index: this.#applied })
      } else break
    }
    const output = this.#output
    this.#output = noOutput()
    return output
  }

  /** Makes one step with these inputs, then settles. */
  process(...inputs: readonly Input[]): NodeOutput {
    this.step(...inputs)
    return this.settle()
  }

  /** Receives messages from a peer and returns the responses. */
  receive(from: NodeId, ...messages: readonly Message[]): readonly Outgoing[] {
    return this.process(...messages.map((message) => ({ type: 'receive', from, message }) as const)).messages
  }

  propose(count: number = 1, size: number = 10 * count): NodeOutput {
    return this.process({ type: 'propose', proposal: 1, count, size, checksum: 7, payload: undefined })
  }

  /** Lets time pass, with a step at every requested wake-up. */
  wait(ms: number): NodeOutput {
    const until = this.now + ms
    while (this.effects.wakeAt <= until) {
      this.now = this.effects.wakeAt
      this.step({ type: 'timeout' })
      this.#addOutput(this.settle())
    }
    this.now = until
    return this.settle()
  }

  /** Lets time pass without messages until the node starts an election or steps down. */
  timeOut(): NodeOutput {
    const startedAt = this.now
    while (this.now < startedAt + this.options.electionTimeoutMaxMs) {
      this.now = Math.min(this.effects.wakeAt, startedAt + this.options.electionTimeoutMaxMs)
      this.step({ type: 'timeout' })
      const hasTimedOut = this.effects.events.some(({ type }) => type === 'electionTimedOut' || type === 'steppedDown')
      this.#addOutput(this.settle())
      if (hasTimedOut) break
    }
    return this.settle()
  }

  #addOutput(output: NodeOutput): void {
    this.#output.messages.push(...output.messages)
    this.#output.settled.push(...output.settled)
    this.#output.events.push(...output.events)
  }
}

/** Fills in the hash chains that a peer would send whose log matches this node's up to the previous entry. */
function withChains({ log }: RaftState, inputs: readonly Input[]): readonly Input[] {
  const ends = new Map<LogIndex, number>()
  return inputs.map((input) => {
    if (input.type !== 'receive') return input
    const { from, message } = input
    if (message.type === 'InstallSnapshotRequest' && message.snapshot.chain === HONEST_CHAIN) {
      const chain = log.chainAt(message.snapshot.index) ?? HONEST_CHAIN
      return { type: 'receive', from, message: { ...message, snapshot: { ...message.snapshot, chain } } }
    }
    if (message.type !== 'AppendEntriesRequest') return input
    const { prevIndex, blocks } = message
    const isOpen = message.prevChain === HONEST_CHAIN
    const prevChain = isOpen ? (ends.get(prevIndex) ?? honestChain(log, message)) : message.prevChain
    let chain = prevChain
    for (const block of blocks) {
      chain = chainAfter(chain, block)
      ends.set(block.first + block.count - 1, chain)
    }
    return { type: 'receive', from, message: { ...message, prevChain } }
  })
}

/** The chain before the blocks of a message, followed backwards from the first block whose end the log knows. */
function honestChain(log: RaftState['log'], { prevIndex, blocks }: AppendEntriesRequest): number {
  const known = prevIndex === 0 ? 0 : log.chainAt(prevIndex)
  if (known !== undefined) return known
  const offset = blocks.findIndex(({ first, count }) => log.chainAt(first + count - 1) !== undefined)
  const last = blocks[offset]
  if (last === undefined) return HONEST_CHAIN
  return blocks.slice(0, offset + 1).reduceRight(chainBefore, log.chainAt(last.first + last.count - 1) as number)
}

function noOutput(): { messages: Outgoing[]; settled: Settlement[]; events: RaftEvent[] } {
  return { messages: [], settled: [], events: [] }
}

/** 'a b c', with a learner 'a b c +d', joint (incoming & outgoing) 'a b d & a b c'. */
export function membershipOf(text: string, addedAt: Readonly<Record<NodeId, LogIndex>> = {}): Membership {
  const [incoming = '', old = ''] = text.split('&')
  const names = incoming.split(' ').filter((name) => name !== '')
  const voters = names.filter((name) => !name.startsWith('+')).sort()
  const learners = names.flatMap((name) => (name.startsWith('+') ? [name.slice(1)] : [])).sort()
  const outgoing = old
    .split(' ')
    .filter((name) => name !== '')
    .sort()
  const ids = [...new Set([...voters, ...learners, ...outgoing])].sort()
  return { members: ids.map((id) => memberNamed(id, addedAt[id] ?? 0)), voters, outgoing, learners }
}

export function memberNamed(id: NodeId, addedAt: LogIndex = 0): Member {
  return { id, address: `${id}:1`, directoryId: '', addedAt, promote: false }
}

/** Blocks after an index: '1 2x3 2' is one entry of term 1, a block of three entries of term 2, and one more. */
export function blocksOf(log: string | readonly Block[], after: LogIndex = 0): readonly Block[] {
  if (typeof log !== 'string') return log
  let first = after + 1
  return log
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [term = 0, count = 1] = word.split('x').map(Number)
      const block: Block = { first, term, count, size: 10 * count, checksum: 7, kind: 'commands' }
      first += count
      return block
    })
}

export function noopBlock(first: LogIndex, term: Term): Block {
  return { first, term, count: 1, size: 0, kind: 'noop' }
}

export function membershipBlock(first: LogIndex, term: Term, membership: Membership): Block {
  return { first, term, count: 1, size: 10, kind: 'membership', membership }
}

export function snapshotAt(last: string, membership: Membership): SnapshotInfo {
  const { index, term } = entry(last)
  return { id: `snapshot-${index}-${term}`, index, term, chain: HONEST_CHAIN, membership, size: 1000 }
}

/** '3@2' is index 3 of term 2. */
export function entry(text: string): EntryId {
  const [index = 0, term = 0] = text.split('@').map(Number)
  return { index, term }
}

/** A follower. With `leader`, it has just received a heartbeat from that node; otherwise it knows no leader. */
export function followerOf(members: string, setup: NodeSetup & { readonly leader?: NodeId } = {}): TestNode {
  const node = new TestNode(membershipOf(members), setup)
  const { leader } = setup
  if (leader !== undefined) node.receive(leader, appendRequest({ term: node.status.term, prev: '0@0' }))
  return node
}

/** A pre-candidate whose election timed out. It requests pre-votes for `term`, one above its own. */
export function preCandidateOf(members: string, setup: NodeSetup & { readonly term: Term }): TestNode {
  const node = followerOf(members, { ...setup, term: setup.term - 1 })
  node.timeOut()
  return node
}

/** A candidate in `term` whose own vote is durable. */
export function candidateOf(members: string, setup: NodeSetup & { readonly term: Term }): TestNode {
  const node = preCandidateOf(members, setup)
  if (node.status.role === 'pre-candidate') {
    for (const peer of othersOf(node)) node.receive(peer, preVoteResponse({ term: setup.term }))
  }
  return node
}

/** A leader of `term` whose no-op is durable on its own disk; no follower has responded yet. */
export function leaderOf(members: string, setup: NodeSetup & { readonly term: Term }): TestNode {
  const node = candidateOf(members, setup)
  for (const peer of othersOf(node)) node.receive(peer, voteResponse({ term: setup.term }))
  return node
}

/** A leader whose followers have acknowledged its whole log and know that its no-op is committed. */
export function readyLeaderOf(members: string, setup: NodeSetup & { readonly term: Term }): TestNode {
  const node = leaderOf(members, setup)
  acknowledgeAll(node)
  node.wait(node.options.heartbeatIntervalMs)
  acknowledgeAll(node)
  return node
}

/** All followers, or the given ones, acknowledge the leader's whole log. */
export function acknowledgeAll(leader: TestNode, ...peers: readonly NodeId[]): readonly Outgoing[] {
  const { role, term } = leader.state
  if (role.type !== 'leader') throw new Error('only a leader receives acknowledgements')
  const match = leader.status.lastIndex
  const answers: Outgoing[] = []
  for (const { id, session } of [...role.progress.values()]) {
    if (peers.length > 0 && !peers.includes(id)) continue
    answers.push(...leader.receive(id, appendResponse({ term, match, round: role.rounds.current, session })))
  }
  return answers
}

/** The messages to one node. */
export function messagesTo(to: NodeId, { messages }: Pick<NodeOutput, 'messages'>): readonly Message[] {
  return messages.filter((outgoing) => outgoing.to === to).map(({ message }) => message)
}

/** The messages of one type, to any node. */
export function ofType<Type extends Message['type']>(
  type: Type,
  messages: readonly Outgoing[],
): readonly Extract<Message, { type: Type }>[] {
  return messages
    .map(({ message }) => message)
    .filter((message): message is Extract<Message, { type: Type }> => message.type === type)
}

/** The only message of a type. */
export function only<Type extends Message['type']>(
  type: Type,
  messages: readonly Outgoing[],
): Extract<Message, { type: Type }> {
  const [message, ...more] = ofType(type, messages)
  if (message === undefined || more.length > 0)
    throw new Error(`expected one ${type}, got ${message === undefined ? 0 : more.length + 1}`)
  return message
}

function othersOf({ state }: TestNode): readonly NodeId[] {
  return state.membership.members.map(({ id }) => id).filter((id) => id !== state.id)
}

export function appendRequest(fields: {
  readonly term: Term
  readonly prev: string
  readonly entries?: string | readonly Block[]
  readonly commit?: LogIndex
  readonly round?: number
  readonly session?: LogIndex
}): AppendEntriesRequest {
  const { term, entries = '', commit = 0, round = 0, session = 0 } = fields
  const { index: prevIndex, term: prevTerm } = entry(fields.prev)
  const blocks = blocksOf(entries, prevIndex)
  return {
    type: 'AppendEntriesRequest',
    term,
    prevIndex,
    prevTerm,
    prevChain: HONEST_CHAIN,
    commitIndex: commit,
    blocks,
    round,
    session,
  }
}

export function appendResponse(fields: {
  readonly term: Term
  readonly match: LogIndex
  readonly chain?: number | undefined
  readonly round?: number
  readonly session?: LogIndex
  readonly applyLag?: number
  readonly shortage?: Shortage | undefined
  readonly writeMs?: number
}): AppendEntriesResponse {
  const { term, match: index, chain, round = 0, session = 0, ...report } = fields
  const acknowledgement = { isAccepted: true, index, hintIndex: 0, hintTerm: 0, chain, round, session }
  return { type: 'AppendEntriesResponse', term, ...acknowledgement, ...report }
}

export function appendRejection(fields: {
  readonly term: Term
  readonly prev: LogIndex
  readonly hint: string
  readonly round?: number
  readonly session?: LogIndex
}): AppendEntriesResponse {
  const { term, prev, round = 0, session = 0 } = fields
  const { index: hintIndex, term: hintTerm } = entry(fields.hint)
  return {
    type: 'AppendEntriesResponse',
    term,
    isAccepted: false,
    index: prev,
    hintIndex,
    hintTerm,
    chain: undefined,
    round,
    session,
  }
}

export function voteRequest(fields: {
  readonly term: Term
  readonly last: string
  readonly isTransfer?: boolean
}): RequestVoteRequest {
  const { index: lastIndex, term: lastTerm } = entry(fields.last)
  return { type: 'RequestVoteRequest', term: fields.term, lastIndex, lastTerm, isTransfer: fields.isTransfer ?? false }
}

export function voteResponse(fields: { readonly term: Term; readonly isGranted?: boolean }): RequestVoteResponse {
  return { type: 'RequestVoteResponse', term: fields.term, isGranted: fields.isGranted ?? true }
}

export function preVoteRequest(fields: { readonly term: Term; readonly last: string }): PreVoteRequest {
  const { index: lastIndex, term: lastTerm } = entry(fields.last)
  return { type: 'PreVoteRequest', term: fields.term, lastIndex, lastTerm }
}

export function preVoteResponse(fields: {
  readonly term: Term
  readonly isGranted?: boolean
  readonly isRemoved?: boolean
}): PreVoteResponse {
  const { term, isGranted = true, isRemoved = false } = fields
  return { type: 'PreVoteResponse', term, isGranted, isRemoved }
}

export function snapshotRequest(fields: {
  readonly term: Term
  readonly snapshot: SnapshotInfo
  readonly round?: number
  readonly session?: LogIndex
}): InstallSnapshotRequest {
  const { term, snapshot, round = 0, session = 0 } = fields
  return { type: 'InstallSnapshotRequest', term, snapshot, round, session }
}

export function snapshotResponse(fields: {
  readonly term: Term
  readonly outcome: InstallSnapshotResponse['outcome']
  readonly index?: LogIndex
  readonly round?: number
  readonly session?: LogIndex
  readonly shortage?: Shortage
  readonly failedFetches?: number
}): InstallSnapshotResponse {
  return { type: 'InstallSnapshotResponse', index: 0, round: 0, session: 0, ...fields }
}

export function timeoutNow(term: Term): TimeoutNow {
  return { type: 'TimeoutNow', term }
}

export function readRequest(term: Term, read: number): ReadIndexRequest {
  return { type: 'ReadIndexRequest', term, read }
}

export function readResponse(term: Term, read: number, index: LogIndex | undefined): ReadIndexResponse {
  return { type: 'ReadIndexResponse', term, read, index }
}
