/** Nodes in a told situation, and the messages they get: every test of the core and of the paper begins here. */
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
import { stateOf } from '../../src/core/raft.ts'
import type { RaftState } from '../../src/core/state.ts'
import type { EntryId } from '../../src/core/types.ts'

/** What is on a node's disk before the test begins, and how it is set. */
export interface NodeSetup {
  /** 'a' unless told otherwise. */
  readonly id?: NodeId
  readonly term?: Term
  readonly votedFor?: NodeId
  /** The terms of its entries, '1 1 2'; '2x3' is one block of three entries. */
  readonly log?: string | readonly Block[]
  /** The log begins after this snapshot. */
  readonly snapshot?: SnapshotInfo
  readonly commit?: LogIndex
  readonly options?: Partial<RaftOptions>
}

/** What has left a node and what it told, since one call of a verb. */
export interface NodeOutput {
  readonly messages: readonly Outgoing[]
  readonly settled: readonly Settlement[]
  readonly events: readonly RaftEvent[]
}

const START_MS = 1000

/** One Raft with a clock that only its tests move and a disk that keeps what it is given. The invariants are checked after every step. */
export class TestNode {
  readonly raft: Raft
  readonly options: RaftOptions
  now: number = START_MS
  /** Of the latest step. */
  effects: Effects
  #written = 0
  #output: { messages: Outgoing[]; settled: Settlement[]; events: RaftEvent[] } = noOutput()

  constructor(membership: Membership, situation: NodeSetup) {
    const { id = 'a', snapshot, votedFor, commit = 0, options = {} } = situation
    const blocks = blocksOf(situation.log ?? '', snapshot?.index ?? 0)
    const term = situation.term ?? blocks.at(-1)?.term ?? snapshot?.term ?? 0
    this.options = { ...RAFT_DEFAULTS, seed: 1, ...options, id }
    const hardState = { term, votedFor, commitIndex: commit }
    this.raft = new Raft(this.options, { hardState, snapshot, blocks, initialMembership: membership }, this.now)
    this.effects = this.step()
    this.settle()
  }

  get state(): RaftState {
    return stateOf(this.raft)
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

  /** One step and nothing else: its writes stay under way until `settle`. */
  step(...inputs: readonly Input[]): Effects {
    const before = summaryOf(this.state)
    this.effects = this.raft.step(this.now, inputs)
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

  /** Makes everything under way durable and applies what may be applied; what was held back by a write leaves. */
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
    const told = this.#output
    this.#output = noOutput()
    return told
  }

  /** Takes these inputs in one step, and everything that follows from it happens. */
  process(...inputs: readonly Input[]): NodeOutput {
    this.step(...inputs)
    return this.settle()
  }

  /** Hears messages of a peer: what it says in return. */
  receive(from: NodeId, ...messages: readonly Message[]): readonly Outgoing[] {
    return this.process(...messages.map((message) => ({ type: 'receive', from, message }) as const)).messages
  }

  propose(count: number = 1, size: number = 10 * count): NodeOutput {
    return this.process({ type: 'propose', proposal: 1, count, size, payload: undefined })
  }

  /** Lets time pass, awake at every instant the node asks for. */
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

  /** Hears nothing until it does something about it: the election timeout passes, whatever was drawn. */
  timeOut(): NodeOutput {
    const began = this.now
    while (this.now < began + this.options.electionTimeoutMaxMs) {
      this.now = Math.min(this.effects.wakeAt, began + this.options.electionTimeoutMaxMs)
      this.step({ type: 'timeout' })
      const hasTimedOut = this.effects.events.some(({ type }) => type === 'electionTimedOut' || type === 'steppedDown')
      this.#addOutput(this.settle())
      if (hasTimedOut) break
    }
    return this.settle()
  }

  #addOutput(told: NodeOutput): void {
    this.#output.messages.push(...told.messages)
    this.#output.settled.push(...told.settled)
    this.#output.events.push(...told.events)
  }
}

function noOutput(): { messages: Outgoing[]; settled: Settlement[]; events: RaftEvent[] } {
  return { messages: [], settled: [], events: [] }
}

/** 'a b c', with a learner 'a b c +d', joint (incoming & outgoing) 'a b d & a b c'. */
export function membershipOf(words: string, addedAt: Readonly<Record<NodeId, LogIndex>> = {}): Membership {
  const [incoming = '', old = ''] = words.split('&')
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
      const block: Block = { first, term, count, size: 10 * count, kind: 'commands' }
      first += count
      return block
    })
}

export function membershipBlock(first: LogIndex, term: Term, membership: Membership): Block {
  return { first, term, count: 1, size: 10, kind: 'membership', membership }
}

export function snapshotAt(last: string, membership: Membership): SnapshotInfo {
  const { index, term } = entry(last)
  return { id: `snapshot-${index}-${term}`, index, term, membership, size: 1000 }
}

/** '3@2' is index 3 of term 2. */
export function entry(words: string): EntryId {
  const [index = 0, term = 0] = words.split('@').map(Number)
  return { index, term }
}

/** A follower that has not heard of a leader yet, unless one is named: then that one has just sent a heartbeat. */
export function followerOf(members: string, situation: NodeSetup & { readonly leader?: NodeId } = {}): TestNode {
  const node = new TestNode(membershipOf(members), situation)
  const { leader } = situation
  if (leader !== undefined) node.receive(leader, appendRequest({ term: node.status.term, prev: '0@0' }))
  return node
}

/** It has timed out and asks for pre-votes for `term`, one above its own. */
export function preCandidateOf(members: string, situation: NodeSetup & { readonly term: Term }): TestNode {
  const node = followerOf(members, { ...situation, term: situation.term - 1 })
  node.timeOut()
  return node
}

/** It campaigns in `term`; its own vote is durable. */
export function candidateOf(members: string, situation: NodeSetup & { readonly term: Term }): TestNode {
  const node = preCandidateOf(members, situation)
  if (node.status.role === 'pre-candidate') {
    for (const peer of othersOf(node)) node.receive(peer, preVoteResponse({ term: situation.term }))
  }
  return node
}

/** It has won `term`, and its no-op is durable on its own disk; no follower has answered yet. */
export function leaderOf(members: string, situation: NodeSetup & { readonly term: Term }): TestNode {
  const node = candidateOf(members, situation)
  for (const peer of othersOf(node)) node.receive(peer, voteResponse({ term: situation.term }))
  return node
}

/** A leader whose followers have all acknowledged all of its log, so that its no-op is committed and they know it. */
export function readyLeaderOf(members: string, situation: NodeSetup & { readonly term: Term }): TestNode {
  const node = leaderOf(members, situation)
  acknowledgeAll(node)
  node.wait(node.options.heartbeatIntervalMs)
  acknowledgeAll(node)
  return node
}

/** Everyone a leader looks after, or only those named, says that it has all of the leader's log. */
export function acknowledgeAll(leader: TestNode, ...peers: readonly NodeId[]): readonly Outgoing[] {
  const { role, term } = leader.state
  if (role.type !== 'leader') throw new Error('only a leader is acknowledged')
  const match = leader.status.lastIndex
  const answers: Outgoing[] = []
  for (const { id, session } of [...role.progress.values()]) {
    if (peers.length > 0 && !peers.includes(id)) continue
    answers.push(...leader.receive(id, appendResponse({ term, match, round: role.rounds.current, session })))
  }
  return answers
}

/** What of it went to one node. */
export function messagesTo(to: NodeId, { messages }: Pick<NodeOutput, 'messages'>): readonly Message[] {
  return messages.filter((outgoing) => outgoing.to === to).map(({ message }) => message)
}

/** The messages of one type, whoever they go to. */
export function ofType<Type extends Message['type']>(
  type: Type,
  messages: readonly Outgoing[],
): readonly Extract<Message, { type: Type }>[] {
  return messages
    .map(({ message }) => message)
    .filter((message): message is Extract<Message, { type: Type }> => message.type === type)
}

/** What one of a type says; there must be one, and only one. */
export function only<Type extends Message['type']>(
  type: Type,
  messages: readonly Outgoing[],
): Extract<Message, { type: Type }> {
  const [message, ...more] = ofType(type, messages)
  if (message === undefined || more.length > 0) throw new Error(`there are ${more.length + 1} or none of ${type}`)
  return message
}

function othersOf({ state }: TestNode): readonly NodeId[] {
  return state.membership.members.map(({ id }) => id).filter((id) => id !== state.id)
}

export function appendRequest(words: {
  readonly term: Term
  readonly prev: string
  readonly entries?: string | readonly Block[]
  readonly commit?: LogIndex
  readonly round?: number
  readonly session?: LogIndex
}): AppendEntriesRequest {
  const { term, entries = '', commit = 0, round = 0, session = 0 } = words
  const { index: prevIndex, term: prevTerm } = entry(words.prev)
  const blocks = blocksOf(entries, prevIndex)
  return { type: 'AppendEntriesRequest', term, prevIndex, prevTerm, commitIndex: commit, blocks, round, session }
}

export function appendResponse(words: {
  readonly term: Term
  readonly match: LogIndex
  readonly round?: number
  readonly session?: LogIndex
}): AppendEntriesResponse {
  const { term, match: index, round = 0, session = 0 } = words
  return { type: 'AppendEntriesResponse', term, isAccepted: true, index, hintIndex: 0, hintTerm: 0, round, session }
}

export function appendRejection(words: {
  readonly term: Term
  readonly prev: LogIndex
  readonly hint: string
  readonly round?: number
  readonly session?: LogIndex
}): AppendEntriesResponse {
  const { term, prev, round = 0, session = 0 } = words
  const { index: hintIndex, term: hintTerm } = entry(words.hint)
  return { type: 'AppendEntriesResponse', term, isAccepted: false, index: prev, hintIndex, hintTerm, round, session }
}

export function voteRequest(words: {
  readonly term: Term
  readonly last: string
  readonly isTransfer?: boolean
}): RequestVoteRequest {
  const { index: lastIndex, term: lastTerm } = entry(words.last)
  return { type: 'RequestVoteRequest', term: words.term, lastIndex, lastTerm, isTransfer: words.isTransfer ?? false }
}

export function voteResponse(words: { readonly term: Term; readonly isGranted?: boolean }): RequestVoteResponse {
  return { type: 'RequestVoteResponse', term: words.term, isGranted: words.isGranted ?? true }
}

export function preVoteRequest(words: { readonly term: Term; readonly last: string }): PreVoteRequest {
  const { index: lastIndex, term: lastTerm } = entry(words.last)
  return { type: 'PreVoteRequest', term: words.term, lastIndex, lastTerm }
}

export function preVoteResponse(words: {
  readonly term: Term
  readonly isGranted?: boolean
  readonly isRemoved?: boolean
}): PreVoteResponse {
  const { term, isGranted = true, isRemoved = false } = words
  return { type: 'PreVoteResponse', term, isGranted, isRemoved }
}

export function snapshotRequest(words: {
  readonly term: Term
  readonly snapshot: SnapshotInfo
  readonly round?: number
  readonly session?: LogIndex
}): InstallSnapshotRequest {
  const { term, snapshot, round = 0, session = 0 } = words
  return { type: 'InstallSnapshotRequest', term, snapshot, round, session }
}

export function snapshotResponse(words: {
  readonly term: Term
  readonly outcome: InstallSnapshotResponse['outcome']
  readonly index?: LogIndex
  readonly round?: number
  readonly session?: LogIndex
}): InstallSnapshotResponse {
  const { term, outcome, index = 0, round = 0, session = 0 } = words
  return { type: 'InstallSnapshotResponse', term, outcome, index, round, session }
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
