/** A leader's view of one follower: probing where the logs agree, replicating in a pipeline, or waiting for a snapshot. */
import type { RaftOptions } from '../options.ts'
import type { PeerStatus } from '../status.ts'
import type { Instant, LogIndex, NodeId, SnapshotInfo } from '../types.ts'
import { Inflights } from './inflights.ts'

/** What a follower is being brought up by. */
type ProgressState =
  /** One message at a time; `isWaiting` until it is answered or the next heartbeat. */
  | { readonly type: 'probe'; isWaiting: boolean }
  | { readonly type: 'replicate'; readonly inflights: Inflights }
  | { readonly type: 'snapshot'; readonly snapshot: SnapshotInfo }

export class Progress {
  readonly id: NodeId
  /** The membership session (`Member.addedAt`): answers of another session do not count. */
  readonly session: LogIndex
  readonly #options: RaftOptions
  state: ProgressState = { type: 'probe', isWaiting: false }
  /** Known equal, durably, up to here. Invariant: matchIndex < nextIndex, and it never falls. */
  matchIndex: LogIndex = 0
  nextIndex: LogIndex
  /** When it was last heard (of; at first: when we began to care). */
  lastContactAt: Instant
  hasResponded = false
  /** The latest heartbeat round it has answered. */
  ackedRound = 0
  /** The commit index it was last told. */
  sentCommitIndex: LogIndex = 0
  /** A read of its waits for a commit index it has not been told. */
  needsCommitIndex = false
  /** Removed at this index: served until it knows so, or until this instant. */
  removal: { readonly index: LogIndex; readonly deadline: Instant } | undefined

  constructor(id: NodeId, session: LogIndex, nextIndex: LogIndex, options: RaftOptions, now: Instant) {
    this.id = id
    this.session = session
    this.nextIndex = nextIndex
    this.#options = options
    this.lastContactAt = now
  }

  get isCaughtUp(): boolean {
    return this.state.type === 'replicate' && this.hasResponded
  }

  recordContact(now: Instant, round: number): void {
    this.lastContactAt = now
    this.hasResponded = true
    this.ackedRound = Math.max(this.ackedRound, round)
  }

  /** Up to `index` its log is ours, durably. Whether that was news. */
  recordMatch(index: LogIndex): boolean {
    if (this.state.type === 'replicate') this.state.inflights.release(index)
    if (index >= this.nextIndex) this.nextIndex = index + 1
    if (index <= this.matchIndex) return false
    this.matchIndex = index
    return true
  }

  becomeProbe(nextIndex: LogIndex): void {
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1)
    this.state = { type: 'probe', isWaiting: false }
  }

  becomeReplicate(): void {
    const { inflightMessagesMax, inflightBytesMax } = this.#options
    this.state = { type: 'replicate', inflights: new Inflights(inflightMessagesMax, inflightBytesMax) }
  }

  becomeSnapshot(snapshot: SnapshotInfo): void {
    this.state = { type: 'snapshot', snapshot }
  }

  /** The link broke: what was in flight may be lost, so ask again from what is known. */
  onLinkLost(): void {
    if (this.state.type === 'replicate') this.becomeProbe(this.matchIndex + 1)
    else if (this.state.type === 'probe') this.state.isWaiting = false
  }

  status(now: Instant): PeerStatus {
    const inflights = this.state.type === 'replicate' ? this.state.inflights : undefined
    return {
      id: this.id,
      state: this.state.type,
      matchIndex: this.matchIndex,
      nextIndex: this.nextIndex,
      inflightMessages: inflights?.messages ?? 0,
      inflightBytes: inflights?.bytes ?? 0,
      silentMs: this.hasResponded ? now - this.lastContactAt : undefined,
    }
  }
}
