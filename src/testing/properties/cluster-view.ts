/** What the judges know together: each node's log in memory and on disk, and the ledger of what was ever committed. */
import type { RaftOptions } from '../../core/options.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { HardState, LogIndex, Membership, NodeId, SnapshotInfo, Term } from '../../core/types.ts'
import type { Observation } from './observation.ts'
import { ReferenceLog } from './reference-log.ts'

const EMPTY_MEMBERSHIP: Membership = { members: [], voters: [], outgoing: [], learners: [] }

export class NodeView {
  readonly id: NodeId
  isUp = false
  /** How many lives it has had. */
  startCount = 0
  /** What it runs by in this life, where that is known. */
  settings: RaftOptions | undefined
  /** As its core sees it. */
  log: ReferenceLog = new ReferenceLog(EMPTY_MEMBERSHIP, undefined, [])
  /** As a crash would leave it. */
  disk: ReferenceLog = new ReferenceLog(EMPTY_MEMBERSHIP, undefined, [])
  diskState: HardState = { term: 0, votedFor: undefined, commitIndex: 0 }
  diskSnapshot: SnapshotInfo | undefined
  /** What it had on the disk that was lost. */
  lostDisk: { readonly log: ReferenceLog; readonly snapshotIndex: LogIndex } | undefined
  /** A committed entry that its latest write has taken off its disk. */
  droppedIndex: LogIndex | undefined
  /** After its latest step of this life, and after the one before that. */
  status: RaftStatus | undefined
  before: RaftStatus | undefined
  /** The membership that was in force when its latest step began. */
  membershipBefore: Membership = EMPTY_MEMBERSHIP

  constructor(id: NodeId) {
    this.id = id
  }

  /** Whether a crash would leave the entry, or a snapshot over it. */
  hasPersisted(index: LogIndex, term: Term): boolean {
    return (this.diskSnapshot?.index ?? 0) >= index || this.disk.termAt(index) === term
  }

  /** Whether it has the entry, or had it until its disk was lost. */
  hasEverPersisted(index: LogIndex, term: Term): boolean {
    if (this.hasPersisted(index, term)) return true
    return (
      this.lostDisk !== undefined && (this.lostDisk.snapshotIndex >= index || this.lostDisk.log.termAt(index) === term)
    )
  }
}

/** Which entry was committed at each index, and in which term at the latest it was known to be. */
export class CommittedLog {
  readonly #terms: Term[] = [0]
  readonly #committedIn: Term[] = [0]
  /** Set once two nodes committed different entries at an index. */
  conflict: string | undefined

  get lastIndex(): LogIndex {
    return this.#terms.length - 1
  }

  /** The term of the entry committed at an index; undefined if none was, or if nobody who committed it showed it. */
  termAt(index: LogIndex): Term | undefined {
    const term = this.#terms[index]
    return term === -1 ? undefined : term
  }

  /** The highest index that was committed by somebody whose term was below this one. */
  lastIndexBefore(term: Term): LogIndex {
    let index = this.lastIndex
    while (index > 0 && (this.#committedIn[index] as Term) >= term) index--
    return index
  }

  record(node: NodeId, index: LogIndex, term: Term | undefined, inTerm: Term): void {
    const known = this.#terms[index]
    while (this.#terms.length <= index) {
      this.#terms.push(-1)
      this.#committedIn.push(inTerm)
    }
    if (term === undefined) return
    if (known !== undefined && known !== -1 && known !== term)
      this.conflict = `${node} has an entry of term ${term} committed at index ${index}, where one of term ${known} was.`
    else this.#terms[index] = term
    this.#committedIn[index] = Math.min(this.#committedIn[index] as Term, inTerm)
  }
}

export class ClusterView {
  readonly nodes: Map<NodeId, NodeView> = new Map()
  readonly committedLog: CommittedLog = new CommittedLog()

  node(id: NodeId): NodeView {
    let node = this.nodes.get(id)
    if (node === undefined) {
      node = new NodeView(id)
      this.nodes.set(id, node)
    }
    return node
  }

  /** Takes an observation in. */
  observe(observation: Observation): void {
    if (observation.type === 'stepped') this.#onStepped(observation)
    else if (observation.type === 'durable') this.#onDurable(observation)
    else if (observation.type === 'started') this.#onStarted(observation)
    else if (observation.type === 'wiped') this.#onWiped(this.node(observation.node))
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
    node.lostDisk = { log: node.disk, snapshotIndex: node.diskSnapshot?.index ?? 0 }
    node.disk = new ReferenceLog(EMPTY_MEMBERSHIP, undefined, [])
    node.diskState = { term: 0, votedFor: undefined, commitIndex: 0 }
    node.diskSnapshot = undefined
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
    // One that has stopped says nothing any more, not even what it did in the step in which it stopped.
    if (status.stopped !== undefined) return
    const from = node.before?.commitIndex ?? node.log.baseIndex
    for (let index = from + 1; index <= status.commitIndex; index++)
      this.committedLog.record(id, index, node.log.termAt(index), status.term)
  }

  #onDurable({ node: id, write }: Observation & { type: 'durable' }): void {
    const node = this.node(id)
    const held = write.truncateAfter === undefined ? 0 : this.#lastCommittedOn(node, write.truncateAfter)
    if (write.snapshot !== undefined) {
      node.diskSnapshot = write.snapshot.info
      if (write.snapshot.resetLog) node.disk.reset(write.snapshot.info)
    }
    if (write.truncateAfter !== undefined) node.disk.truncateAfter(write.truncateAfter)
    for (const block of write.blocks) node.disk.append(block)
    if (write.hardState !== undefined) node.diskState = write.hardState
    const isHeld = held === 0 || node.hasPersisted(held, this.committedLog.termAt(held) as Term)
    node.droppedIndex = isHeld ? undefined : held
  }

  /** The last committed entry after an index that a node has on its disk; 0 if there is none. */
  #lastCommittedOn({ disk }: NodeView, after: LogIndex): LogIndex {
    for (let index = Math.min(disk.lastIndex, this.committedLog.lastIndex); index > after; index--)
      if (this.committedLog.termAt(index) !== undefined && disk.termAt(index) === this.committedLog.termAt(index))
        return index
    return 0
  }
}
