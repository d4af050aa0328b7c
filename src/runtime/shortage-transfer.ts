/** Transfers leadership while this leader is short of disk space, if another voter has more. */
import type { Clock } from '../contracts/clock.ts'
import type { RuntimeEvent } from '../contracts/observer.ts'
import type { RaftStatus } from '../core/status.ts'
import type { Instant } from '../core/types.ts'
import { isRaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'

export interface ShortageTransferParts {
  readonly status: () => Pick<RaftStatus, 'role' | 'term' | 'isTransferring'>
  /** To the best voter that is not short itself. Rejects with ERR_RAFT_BAD_TARGET at once if there is none. */
  readonly transfer: () => Promise<unknown>
  readonly clock: Pick<Clock, 'now'>
  readonly retryMinMs: number
  readonly retryMaxMs: number
  readonly emit: (event: RuntimeEvent) => void
}

export class ShortageTransfer {
  readonly #parts: ShortageTransferParts
  #isActive = false
  #nextAt: Instant = Number.NEGATIVE_INFINITY
  #pauseMs = 0
  #keptTerm: number | undefined

  constructor(parts: ShortageTransferParts) {
    this.#parts = parts
  }

  /** A transfer is in progress: the core rejects proposals and names the target. */
  get isActive(): boolean {
    return this.#isActive
  }

  /** Called at every check while space is low. */
  onLow(): void {
    const { status, clock } = this.#parts
    const { role, isTransferring } = status()
    if (role !== 'leader' || isTransferring || this.#isActive || clock.now() < this.#nextAt) return
    this.#isActive = true
    void this.#transfer()
  }

  /** Space is sufficient again: the next shortage starts without a pause. */
  onEnded(): void {
    this.#nextAt = Number.NEGATIVE_INFINITY
    this.#pauseMs = 0
    this.#keptTerm = undefined
  }

  async #transfer(): Promise<void> {
    const { status, transfer, clock, retryMinMs, retryMaxMs, emit } = this.#parts
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
      this.#pauseMs = Math.min(retryMaxMs, Math.max(retryMinMs, 2 * this.#pauseMs))
      this.#nextAt = clock.now() + this.#pauseMs
    }
    if (failure === undefined || status().role !== 'leader' || this.#keptTerm === term) return
    this.#keptTerm = term
    emit({ type: 'leadershipKept', reason: errorMessage(failure) })
  }
}
