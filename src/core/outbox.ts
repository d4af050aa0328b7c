/** Collects the effects of one step. */
import type { Effects, Persist, Rejection, Settlement } from './effects.ts'
import type { RaftEvent } from './events.ts'
import type { AppendEntriesResponse, Message, Outgoing } from './messages.ts'
import type { Block, HardState, Instant, LogIndex, LogRange, NodeId, SnapshotInfo } from './types.ts'

export class Outbox {
  snapshot: Persist['snapshot']
  truncateAfter: LogIndex | undefined
  blocks: Block[] = []
  /** The hard state must be written: the term or vote changed in this step, or the commit index must be durable. */
  isHardStateDirty = false
  compactTo: LogIndex | undefined
  then: Outgoing[] = []
  send: Outgoing[] = []
  install: SnapshotInfo | undefined
  apply: LogRange | undefined
  fetch: Effects['fetch']
  takeSnapshot = false
  settle: Settlement[] = []
  events: RaftEvent[] = []

  emit(event: RaftEvent): void {
    this.events.push(event)
  }

  rejectRead(read: number, rejection: Rejection): void {
    this.settle.push({ type: 'readRejected', read, rejection })
  }

  rejectTransfer(request: number, rejection: Rejection): void {
    this.settle.push({ type: 'transferRejected', request, rejection })
  }

  appendBlock(block: Block): void {
    this.blocks.push(block)
  }

  /** Drops the suffix after `after`. Blocks appended in this step that are dropped again are never written. */
  truncate(after: LogIndex): void {
    this.blocks = this.blocks.filter((block) => block.first <= after)
    this.truncateAfter = Math.min(this.truncateAfter ?? after, after)
  }

  resetTo(snapshot: SnapshotInfo): void {
    this.snapshot = { info: snapshot, resetLog: true }
    this.blocks = []
    this.truncateAfter = undefined
    this.compactTo = undefined
    this.apply = undefined
    this.install = snapshot
  }

  /** Sends the message once this step's write is durable. A later acknowledgement to the same leader replaces an earlier one. */
  sendOncePersisted(to: NodeId, message: Message): void {
    if (message.type === 'AppendEntriesResponse' && message.isAccepted) {
      this.then = this.then.filter((earlier) => earlier.to !== to || !isSupersededBy(earlier.message, message))
    }
    this.then.push({ to, message })
  }

  sendNow(to: NodeId, message: Message): void {
    this.send.push({ to, message })
  }

  /** Drops everything but settlements and events. */
  clear(): void {
    this.snapshot = undefined
    this.truncateAfter = undefined
    this.blocks = []
    this.isHardStateDirty = false
    this.compactTo = undefined
    this.then = []
    this.send = []
    this.install = undefined
    this.apply = undefined
    this.fetch = undefined
    this.takeSnapshot = false
  }

  get needsPersist(): boolean {
    return this.#isUrgent || this.compactTo !== undefined
  }

  /** Whether anything depends on the write. */
  get #isUrgent(): boolean {
    return (
      this.isHardStateDirty ||
      this.blocks.length > 0 ||
      this.then.length > 0 ||
      this.truncateAfter !== undefined ||
      this.snapshot !== undefined
    )
  }

  /** Returns the effects of this step and empties the outbox. `number` is the number of the write, if one is needed. */
  take(number: number | undefined, hardState: HardState, wakeAt: Instant): Effects {
    const persist: Persist | undefined =
      number === undefined
        ? undefined
        : {
            number,
            snapshot: this.snapshot,
            truncateAfter: this.truncateAfter,
            blocks: this.blocks,
            hardState,
            compactTo: this.compactTo,
            isUrgent: this.#isUrgent,
            then: this.then,
          }
    const { send, install, apply, fetch, takeSnapshot, settle, events } = this
    const effects: Effects = { persist, send, install, apply, fetch, takeSnapshot, settle, events, wakeAt }
    this.clear()
    this.settle = []
    this.events = []
    return effects
  }
}

function isSupersededBy(earlier: Message, later: AppendEntriesResponse): boolean {
  return (
    earlier.type === 'AppendEntriesResponse' &&
    earlier.isAccepted &&
    earlier.term === later.term &&
    earlier.session === later.session &&
    earlier.index <= later.index &&
    earlier.round <= later.round
  )
}
