/** Transfers leadership while this leader should not lead (it is short of disk space, or its disk is slow), if another voter should. */
import type { Clock } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { Instant } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'
import { errorMessage } from '../../platform/error-message.ts'

export interface RepeatedTransferParts {
  readonly status: () => Pick<RaftStatus, 'role' | 'term' | 'isTransferring'>
  /** To the best voter that should lead. Rejects with ERR_RAFT_BAD_TARGET at once if there is none. */
  readonly transfer: () => Promise<unknown>
  readonly clock: Pick<Clock, 'now'>
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** The pause is short again after this long without a transfer; by default only `onEnded` ends it. */
  readonly forgetMs?: number | undefined
  readonly emit: (event: RuntimeEvent) => void
}

export class RepeatedTransfer {
  readonly #parts: RepeatedTransferParts
  #isActive = false
  #nextAt: Instant = Number.NEGATIVE_INFINITY
  #pauseMs = 0
  #keptTerm: number | undefined

  constructor(parts: RepeatedTransferParts) {
    this.#parts = parts
  }

  /** A transfer is in progress: the core rejects proposals and names the target. */
  get isActive(): boolean {
    return this.#isActive
  }

  /** Called at every check while this node should not lead. */
  onUnfit(): void {
    const { status, clock } = this.#parts
    const { role, isTransferring } = status()
    if (role !== 'leader' || isTransferring || this.#isActive || clock.now() < this.#nextAt) return
    this.#isActive = true
    void this.#transfer()
  }

  /** This node may lead again: the next time starts without a pause. */
  onEnded(): void {
    this.#nextAt = Number.NEGATIVE_INFINITY
    this.#pauseMs = 0
    this.#keptTerm = undefined
  }

  async #transfer(): Promise<void> {
    const { status, transfer, clock, retryMinMs, retryMaxMs, forgetMs = Number.POSITIVE_INFINITY, emit } = this.#parts
    const { term } = status()
    let failure: unknown
    try {
      await transfer()
    } catch (error) {
      failure = error
    }
    this.#isActive = false
    // Looking for a target costs nothing. A transfer stops proposals while it lasts, so that the next one waits, even after success.
    if (!isRaftError(failure, 'ERR_RAFT_BAD_TARGET')) {
      if (clock.now() - this.#nextAt > forgetMs) this.#pauseMs = 0
      this.#pauseMs = Math.min(retryMaxMs, Math.max(retryMinMs, 2 * this.#pauseMs))
      this.#nextAt = clock.now() + this.#pauseMs
    }
    if (failure === undefined || status().role !== 'leader' || this.#keptTerm === term) return
    this.#keptTerm = term
    emit({ type: 'leadershipKept', reason: errorMessage(failure) })
  }
}
