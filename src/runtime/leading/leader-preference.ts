/** Where leadership should live: a leader hands over to a voter with a higher priority that is fit to lead. */
import type { Clock } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { PeerStatus, RaftStatus } from '../../core/status.ts'
import type { Instant, NodeId, Term } from '../../core/types.ts'
import { RepeatedTransfer } from '../health/repeated-transfer.ts'
import type { PeerAdmission } from '../peers/peer-admission.ts'
import { pauseFor } from './pause.ts'

const CHECK_INTERVAL_MS = 1000
/** The wait after a transfer, which doubles up to the second: a node that is preferred and cannot stay leader must not disturb the others. */
const RETRY_MIN_MS = 30_000
const RETRY_MAX_MS = 600_000

export interface LeaderPreferenceParts {
  readonly options: { readonly leaderPriority: number; readonly leaderPriorityWaitMs: number }
  readonly admission: Pick<PeerAdmission, 'connected' | 'priorityOf'>
  readonly status: () => RaftStatus
  /** Rejects with ERR_RAFT_BAD_TARGET if the voter should not lead: its disk is slow, or short of space. */
  readonly transfer: (to: NodeId) => Promise<unknown>
  readonly clock: Clock
  readonly emit: (event: RuntimeEvent) => void
  /** Adds the work of a leader. */
  readonly addTask: (work: (term: Term, signal: AbortSignal) => Promise<void>) => unknown
}

export class LeaderPreference {
  readonly #parts: LeaderPreferenceParts
  readonly #transfers: RepeatedTransfer
  /** Since when each preferred voter stores everything. */
  readonly #fitSince = new Map<NodeId, Instant>()
  #target: NodeId | undefined
  #isActive = false

  constructor(parts: LeaderPreferenceParts) {
    const { status, clock, emit } = parts
    this.#parts = parts
    this.#transfers = new RepeatedTransfer({
      ...{ status, clock, emit, retryMinMs: RETRY_MIN_MS, retryMaxMs: RETRY_MAX_MS, forgetMs: RETRY_MAX_MS },
      transfer: () => parts.transfer(this.#target as NodeId),
    })
  }

  /** A cluster without priorities does not look for a better leader. */
  onConnected(peer: NodeId): void {
    const { options, admission, addTask } = this.#parts
    if (this.#isActive || admission.priorityOf(peer) <= options.leaderPriority) return
    this.#isActive = true
    addTask((_, signal) => this.#handOver(signal))
  }

  async #handOver(signal: AbortSignal): Promise<void> {
    this.#fitSince.clear()
    while (!signal.aborted) {
      this.#target = this.#preferred()
      if (this.#target !== undefined) this.#transfers.onUnfit()
      await pauseFor(CHECK_INTERVAL_MS, this.#parts.clock, signal)
    }
  }

  /** The voter with the highest priority above the own one that has been fit for long enough; of several, the one with the longest log. */
  #preferred(): NodeId | undefined {
    const { options, admission, status, clock } = this.#parts
    const { peers, membership } = status()
    const now = clock.now()
    const better = peers.filter(
      ({ id }) => membership.voters.includes(id) && admission.priorityOf(id) > options.leaderPriority,
    )
    for (const peer of better) this.#update(peer, now)
    const [best] = better
      .filter(({ id }) => now - (this.#fitSince.get(id) ?? now) >= options.leaderPriorityWaitMs)
      .sort(
        (one, other) =>
          admission.priorityOf(other.id) - admission.priorityOf(one.id) || other.matchIndex - one.matchIndex,
      )
    return best?.id
  }

  #update({ id, isReplicating }: PeerStatus, now: Instant): void {
    if (!isReplicating || !this.#parts.admission.connected.includes(id)) this.#fitSince.delete(id)
    else if (!this.#fitSince.has(id)) this.#fitSince.set(id, now)
  }
}
