/** The state of the cluster that all property checks share: each node's log in memory and on disk, and all committed entries. */
import type { RaftOptions } from '../../core/options.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { HardState, LogIndex, Membership, NodeId, SnapshotInfo, Term } from '../../core/types.ts'
import type { MachineTexts } from './machine-texts.ts'
import { PLAIN_TEXTS } from './machine-texts.ts'
import type { Observation } from './observation.ts'
import { ReferenceLog } from './reference-log.ts'

const EMPTY_MEMBERSHIP: Membership = { members: [], voters: [], outgoing: [], learners: [] }

/** One node, as the observations so far show it. */
export class NodeView {
  readonly id: NodeId
  /** Whether its process is running. */
  isUp = false
  /** How many times the node has started. */
  startCount = 0
  /** The options of its core since the last start, if known. */
  settings: RaftOptions | undefined
  /** The log in memory. */
  log: ReferenceLog = new ReferenceLog(EMPTY_MEMBERSHIP, undefined, [])
  /** The log on disk, as a crash would leave it. */
  disk: ReferenceLog = new ReferenceLog(EMPTY_MEMBERSHIP, undefined, [])
  diskState: HardState = { term: 0, votedFor: undefined, commitIndex: 0 }
  diskSnapshot: SnapshotInfo | undefined
  /** The contents of its disk before it was wiped or rolled back. */
  readonly lostDisks: { readonly log: ReferenceLog; readonly snapshotIndex: LogIndex }[] = []
  /** The index of a committed entry that its latest durable write deleted. */
  droppedIndex: LogIndex | undefined
  /** The status after the latest step since the last start. */
  status: RaftStatus | undefined
  /** The status before the latest step. */
  before: RaftStatus | undefined
  /** The membership in its log before the latest step. */
  membershipBefore: Membership = EMPTY_MEMBERSHIP

  constructor(id: NodeId) {
    this.id = id
  }

  /** Whether the entry, or a snapshot that covers it, is durable. */
  hasPersisted(index: LogIndex, term: Term): boolean {
    return (this.diskSnapshot?.index ?? 0) >= index || this.disk.termAt(index) === term
  }

  /** Whether the entry is durable, or was durable until the disk was wiped or rolled back. */
  hasEverPersisted(index: LogIndex, term: Term): boolean {
    if (this.hasPersisted(index, term)) return true
    return this.lostDisks.some(({ log, snapshotIndex }) => snapshotIndex >= index || log.termAt(index) === term)
  }
}

/** The term of the entry committed at each index, and the lowest term in which a node reported it as committed. */
export class CommittedLog {
  readonly #terms: Term[] = [0]
  readonly #committedIn: Term[] = [0]
  /** Set if two nodes committed different entries at an index: which nodes, index and terms. */
  conflict: string | undefined

  get lastIndex(): LogIndex {
    return this.#terms.length - 1
  }

  /** The term of the entry committed at an index; undefined if no entry is committed, or if its term is not known. */
  termAt(index: LogIndex): Term | undefined {
    const term = this.#terms[index]
    return term === -1 ? undefined : term
  }

  /** The highest index that was reported as committed in a term below this one. */
  lastIndexBefore(term: Term): LogIndex {
    let index = this.lastIndex
    while (index > 0 && (this.#committedIn[index] as Term) >= term) index--
    return index
  }

  /** Records that a node in term `inTerm` reported an entry of `term` as committed. */
  record(node: NodeId, index: LogIndex, term: Term | undefined, inTerm: Term): void {
    const known = this.#terms[index]
    while (this.#terms.length <= index) {
      this.#terms.push(-1)
      this.#committedIn.push(inTerm)
    }
    if (term === undefined) return
    if (known !== undefined && known !== -1 && known !== term)
      this.conflict = `${node} committed an entry of term ${term} at index ${index}, where an entry of term ${known} was committed before.`
    else this.#terms[index] = term
    this.#committedIn[index] = Math.min(this.#committedIn[index] as Term, inTerm)
  }
}

/** The whole cluster, as the observations so far show it. */
export class ClusterView {
  readonly nodes: Map<NodeId, NodeView> = new Map()
  readonly committedLog: CommittedLog = new CommittedLog()
  /** How to show commands, results and states. */
  readonly texts: MachineTexts

  constructor(texts: MachineTexts = PLAIN_TEXTS) {
    this.texts = texts
  }

  node(id: NodeId): NodeView {
    let node = this.nodes.get(id)
    if (node === undefined) {
      node = new NodeView(id)
      this.nodes.set(id, node)
    }
    return node
  }

  observe(observation: Observation): void {
    if (observation.type === 'stepped') this.#onStepped(observation)
    else if (observation.type === 'durable') this.#onDurable(observation)
    else if (observation.type === 'started') this.#onStarted(observation)
    else if (observation.type === 'wiped') this.#onWiped(this.node(observation.node))
    else if (observation.type === 'rolledBack') this.#onRolledBack(observation)
    else if (observation.type === 'crashed') this.node(observation.node).isUp = false
  }

  #onStarted(start: Observation & { type: 'started' }): void {
    const node = this.node(start.node)
    node.isUp = true
    node.startCount++
    node.settings = start.settings
    node.status = undefined
    node.before = undefined
    node.log = new ReferenceLog(start.initialMembership, start.snapshot, start.blocks)
    if (node.startCount === 1) node.disk = new ReferenceLog(start.initialMembership, start.snapshot, start.blocks)
  }

  #onWiped(node: NodeView): void {
    node.lostDisks.push({ log: node.disk, snapshotIndex: node.diskSnapshot?.index ?? 0 })
    node.disk = new ReferenceLog(EMPTY_MEMBERSHIP, undefined, [])
    node.diskState = { term: 0, votedFor: undefined, commitIndex: 0 }
    node.diskSnapshot = undefined
  }

  #onRolledBack({ node: id, hardState, snapshot, blocks }: Observation & { type: 'rolledBack' }): void {
    const node = this.node(id)
    node.lostDisks.push({ log: node.disk, snapshotIndex: node.diskSnapshot?.index ?? 0 })
    node.disk = new ReferenceLog(EMPTY_MEMBERSHIP, snapshot, blocks)
    node.diskState = hardState
    node.diskSnapshot = snapshot
  }

  #onStepped({ node: id, effects, status }: Observation & { type: 'stepped' }): void {
    const node = this.node(id)
    node.before = node.status
    node.status = status
    node.membershipBefore = node.log.membership.membership
    const { persist } = effects
    if (persist !== undefined) {
      if (persist.snapshot?.resetLog === true) node.log.reset(persist.snapshot.info)
      if (persist.truncateAfter !== undefined) node.log.truncateAfter(persist.truncateAfter)
      for (const block of persist.blocks) node.log.append(block)
    }
    // A node that stopped in this step reports nothing: its effects are not executed.
    if (status.stopped !== undefined) return
    const from = node.before?.commitIndex ?? node.log.baseIndex
    for (let index = from + 1; index <= status.commitIndex; index++)
      this.committedLog.record(id, index, node.log.termAt(index), status.term)
  }

  #onDurable({ node: id, write }: Observation & { type: 'durable' }): void {
    const node = this.node(id)
    const committed = write.truncateAfter === undefined ? 0 : this.#lastCommittedOn(node, write.truncateAfter)
    if (write.snapshot !== undefined) {
      node.diskSnapshot = write.snapshot.info
      if (write.snapshot.resetLog) node.disk.reset(write.snapshot.info)
    }
    if (write.truncateAfter !== undefined) node.disk.truncateAfter(write.truncateAfter)
    for (const block of write.blocks) node.disk.append(block)
    if (write.hardState !== undefined) node.diskState = write.hardState
    const isKept = committed === 0 || node.hasPersisted(committed, this.committedLog.termAt(committed) as Term)
    node.droppedIndex = isKept ? undefined : committed
  }

  /** The index of the last committed entry after `after` on a node's disk; 0 if there is none. */
  #lastCommittedOn({ disk }: NodeView, after: LogIndex): LogIndex {
    for (let index = Math.min(disk.lastIndex, this.committedLog.lastIndex); index > after; index--)
      if (this.committedLog.termAt(index) !== undefined && disk.termAt(index) === this.committedLog.termAt(index))
        return index
    return 0
  }
}
