/** Reads that wait for a leader to confirm that it still leads (thesis §6.4), in order, each with the round that confirms it. */
import type { LogIndex, NodeId } from '../types.ts'

export interface PendingRead {
  /** Who asked: a follower, or this node itself (undefined). */
  readonly from: NodeId | undefined
  /** The asker's own number; never used as a key here. */
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
  /** Asked before the leader had committed an entry of its term: no index yet. */
  #held: PendingRead[] = []
  /** Asked since the last round began: will go with the next one. */
  #unassigned: PendingRead[] = []
  /** Invariant: rounds never fall along the queue. */
  #queued: QueuedRead[] = []

  get length(): number {
    return this.#held.length + this.#unassigned.length + this.#queued.length
  }

  get needsRound(): boolean {
    return this.#unassigned.length > 0
  }

  hold(read: PendingRead): void {
    this.#held.push(read)
  }

  add(read: PendingRead): void {
    this.#unassigned.push(read)
  }

  /** An entry of the term is committed: those who were held may go with the next round. */
  releaseHeld(): void {
    this.#unassigned.push(...this.#held)
    this.#held = []
  }

  /** `round` begins now, and the commit index is `index`. */
  beginRound(round: number, index: LogIndex): void {
    for (const read of this.#unassigned) this.#queued.push({ ...read, index, round })
    this.#unassigned = []
  }

  /** A quorum has answered `round`. */
  confirmed(round: number): ConfirmedRead[] {
    let count = 0
    while (count < this.#queued.length && (this.#queued[count] as QueuedRead).round <= round) count++
    return this.#queued.splice(0, count)
  }

  /** Leadership is over: all that waited. */
  drain(): PendingRead[] {
    const all = [...this.#held, ...this.#unassigned, ...this.#queued]
    this.#held = []
    this.#unassigned = []
    this.#queued = []
    return all
  }
}
