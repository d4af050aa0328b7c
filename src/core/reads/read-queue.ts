/** The reads on a leader that wait for confirmation of its leadership, each with the heartbeat round that confirms it (thesis §6.4). */
import type { LogIndex, NodeId } from '../types.ts'

export interface PendingRead {
  /** The follower that forwarded the read; undefined for a read of this node. */
  readonly from: NodeId | undefined
  /** The number chosen by the requester; numbers of different requesters may be equal. */
  readonly read: number
}

interface QueuedRead extends PendingRead {
  readonly index: LogIndex
  readonly round: number
}

export interface ConfirmedRead extends PendingRead {
  readonly index: LogIndex
}

export class ReadQueue {
  /** Requested before the leader committed an entry of its term; the read index is not known yet. */
  #held: PendingRead[] = []
  /** Requested since the last round started; the next round confirms them. */
  #unassigned: PendingRead[] = []
  /** Invariant: rounds never decrease along the queue. */
  #queued: QueuedRead[] = []

  get length(): number {
    return this.#held.length + this.#unassigned.length + this.#queued.length
  }

  get needsRound(): boolean {
    return this.#unassigned.length > 0
  }

  /** Whether a round that has begun confirms reads. */
  get awaitsRound(): boolean {
    return this.#queued.length > 0
  }

  /** Adds a read that waits for the first commit of the term. */
  hold(read: PendingRead): void {
    this.#held.push(read)
  }

  /** Adds a read to be confirmed by the next round. */
  add(read: PendingRead): void {
    this.#unassigned.push(read)
  }

  /** An entry of the term is committed: the next round may confirm the held reads. */
  releaseHeld(): void {
    if (this.#held.length === 0) return
    this.#unassigned.push(...this.#held)
    this.#held = []
  }

  /** `round` starts now: it confirms the reads added since the last one, at the commit index `index`. */
  beginRound(round: number, index: LogIndex): void {
    for (const read of this.#unassigned) this.#queued.push({ ...read, index, round })
    this.#unassigned = []
  }

  /** A quorum has answered `round`: removes and returns the reads it confirms. */
  confirmed(round: number): ConfirmedRead[] {
    let count = 0
    while (count < this.#queued.length && (this.#queued[count] as QueuedRead).round <= round) count++
    return this.#queued.splice(0, count)
  }

  /** Removes and returns all reads (on step-down). */
  drain(): PendingRead[] {
    const all = [...this.#held, ...this.#unassigned, ...this.#queued]
    this.#held = []
    this.#unassigned = []
    this.#queued = []
    return all
  }
}
