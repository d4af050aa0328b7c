/** A leader's view of one follower: probing for the matching index, replicating in a pipeline, or waiting for a snapshot. */
import type { RaftOptions } from '../options.ts'
import { RecentMax } from '../recent-max.ts'
import type { PeerStatus } from '../status.ts'
import type { Instant, LogIndex, NodeId, Shortage, SnapshotInfo, SnapshotReport, StateDigest } from '../types.ts'
import { Inflights } from './inflights.ts'
import { StateDigests } from './state-digests.ts'

/** How entries are sent to the follower. */
type ProgressState =
  /** One AppendEntries at a time; `isWaiting` until its response or the next heartbeat. */
  | { readonly type: 'probe'; isWaiting: boolean }
  /** The logs match up to matchIndex; entries are pipelined, and nextIndex runs ahead of the responses. */
  | { readonly type: 'replicate'; readonly inflights: Inflights }
  /** The entries it needs are compacted; no AppendEntries until it has this snapshot, of this node or of the member `source`. */
  | { readonly type: 'snapshot'; readonly snapshot: SnapshotInfo; readonly source: NodeId | undefined }

/** A snapshot, and the member that has it; undefined for the leader. */
export interface OfferedSnapshot {
  readonly snapshot: SnapshotInfo
  readonly source: NodeId | undefined
}

/** The status shows the longest response within one to two of these. */
const RESPONSES_MS = 10_000

export class Progress {
  readonly id: NodeId
  /** The membership session (`Member.addedAt`). Responses of another session are ignored. */
  readonly session: LogIndex
  readonly #options: RaftOptions
  state: ProgressState = { type: 'probe', isWaiting: false }
  /** The follower's log matches the leader's up to here, durably. Invariant: matchIndex < nextIndex; it never decreases while `hasLostEntries` is false. */
  matchIndex: LogIndex = 0
  /** The next entry to send. */
  nextIndex: LogIndex
  /** When it last responded; initially when the leader started to track it. */
  lastContactAt: Instant
  hasResponded = false
  /** When it last accepted an AppendEntries; -Infinity before it did. */
  lastAcceptedAt: Instant = -Infinity
  /** How long its responses to heartbeats took: to one round at a time, Infinity between two. */
  readonly #responses = new RecentMax(RESPONSES_MS)
  #timedRound = Infinity
  #timedSince: Instant = 0
  /** The latest heartbeat round it has answered (thesis §6.4). */
  ackedRound = 0
  /** The commit index last sent to it. */
  sentCommitIndex: LogIndex = 0
  /** How many committed entries it reported not to have applied. */
  applyLag = 0
  /** It reported that it is short of disk space. */
  shortage: Shortage | undefined
  /** How long its recent durable writes took, as it reported: 0 if they are fast. */
  writeMs = 0
  /** Of its state machine, as it reported. */
  readonly digests: StateDigests = new StateDigests()
  /** The last index after which its state machine had another state than the leader's; undefined if they agree. */
  otherStateAt: LogIndex | undefined
  /** What a quorum has in place of that: the follower is to stop. */
  digestOfQuorum: StateDigest | undefined
  /** The newest snapshot that it has, or the one that it was fetching when it rejected an AppendEntries, as it reported. */
  reported: SnapshotReport | undefined
  /** It could not fetch a snapshot from another follower: the next one is the leader's. */
  avoidsSources = false
  /** It reported that the offered snapshot does not fit on its disk. */
  snapshotShortage: Shortage | undefined
  /** It reported so many attempts in a row to fetch a snapshot that got no further. */
  failedFetches = 0
  /** A read or proposal forwarded by this follower needs a commit index that has not been sent to it. */
  needsCommitIndex = false
  /** The last entry that it has forwarded in this leadership. */
  forwardedIndex: LogIndex = 0
  /** The match index at the start of heartbeat round `provenRound`, the first round with this match index. */
  provenIndex: LogIndex = 0
  provenRound = 0
  /** It has lost entries that it acknowledged: it counts towards nothing, and is sent nothing. */
  hasLostEntries = false
  /** Set once it is removed: replicate to it until it has received the commit of `index`, or until the deadline. */
  removal: { readonly index: LogIndex; readonly deadline: Instant } | undefined

  constructor(id: NodeId, session: LogIndex, nextIndex: LogIndex, options: RaftOptions, now: Instant) {
    this.id = id
    this.session = session
    this.nextIndex = nextIndex
    this.#options = options
    this.lastContactAt = now
  }

  /** Whether the logs are known to match up to matchIndex, and entries are pipelined. */
  get isReplicating(): boolean {
    return this.state.type === 'replicate' && this.hasResponded
  }

  /** Whether it has recently accepted an AppendEntries, and needs no snapshot. */
  acceptsEntries(now: Instant): boolean {
    return this.state.type !== 'snapshot' && now - this.lastAcceptedAt < this.#options.electionTimeoutMaxMs
  }

  recordContact(now: Instant, round: number): void {
    if (round >= this.#timedRound) {
      // What it was away for is no time of a response.
      if (now - this.lastContactAt < this.#options.electionTimeoutMaxMs)
        this.#responses.add(now, now - this.#timedSince)
      this.#timedRound = Infinity
    }
    this.lastContactAt = now
    this.hasResponded = true
    this.ackedRound = Math.max(this.ackedRound, round)
  }

  /** The follower's log matches up to `index`, durably. Returns whether the match index advanced. */
  recordMatch(index: LogIndex): boolean {
    if (this.state.type === 'replicate') this.state.inflights.release(index)
    if (index >= this.nextIndex) this.nextIndex = index + 1
    if (index <= this.matchIndex) return false
    this.matchIndex = index
    return true
  }

  /** Round `round` begins. */
  recordRound(now: Instant, round: number): void {
    if (this.#timedRound === Infinity) {
      this.#timedRound = round
      this.#timedSince = now
    }
    if (this.matchIndex <= this.provenIndex) return
    this.provenIndex = this.matchIndex
    this.provenRound = round
  }

  /** From now on nothing that it has acknowledged counts, and its responses are ignored. */
  distrust(): void {
    this.hasLostEntries = true
    this.matchIndex = 0
    this.ackedRound = 0
    this.hasResponded = false
    this.lastContactAt = -Infinity
    this.lastAcceptedAt = -Infinity
    this.state = { type: 'probe', isWaiting: false }
  }

  becomeProbe(nextIndex: LogIndex): void {
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1)
    this.state = { type: 'probe', isWaiting: false }
  }

  becomeReplicate(): void {
    this.avoidsSources = false
    const { inflightMessagesMax, inflightBytesMax } = this.#options
    this.state = { type: 'replicate', inflights: new Inflights(inflightMessagesMax, inflightBytesMax) }
  }

  becomeSnapshot({ snapshot, source }: OfferedSnapshot): void {
    this.state = { type: 'snapshot', snapshot, source }
  }

  /** The link broke, and messages in flight may be lost: probes again from the match index. */
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
      applyLag: this.applyLag,
      silentMs: this.hasResponded ? now - this.lastContactAt : undefined,
      responseMs: this.#responses.at(now),
      isReplicating: this.acceptsEntries(now),
      hasLostEntries: this.hasLostEntries,
    }
  }
}
