/** Measures how long proposals take, and the stages of their batches: in the queue, until a quorum has them, and until they are applied. */
import type { Clock } from '../../contracts/clock.ts'
import type { Instant, LogIndex } from '../../core/types.ts'
import type { ErrorCode } from '../../errors.ts'
import type { Meters } from '../meters.ts'
import type { Batch, PendingProposal } from './proposal-batch.ts'

/** Without a meter nothing is measured, and no clock is read. */
export class ProposalMeasures {
  readonly #meters: Pick<Meters, 'isActive' | 'proposal' | 'stage'>
  readonly #clock: Pick<Clock, 'now'>

  constructor(meters: Pick<Meters, 'isActive' | 'proposal' | 'stage'>, clock: Pick<Clock, 'now'>) {
    this.#meters = meters
    this.#clock = clock
  }

  /** The batch is passed to the core. */
  onSubmitted(batch: Batch<never>): void {
    if (!this.#meters.isActive) return
    batch.submittedAt = this.#clock.now()
    const [first] = batch.proposals
    if (first !== undefined) this.#meters.stage('queue', batch.submittedAt - first.startedAt, batch.proposals.length)
  }

  /** Every batch that starts before `end` is committed. They come in the order of their indexes; those before `from` are gone. */
  onCommitted(batches: readonly (Batch<never> | undefined)[], from: number, end: LogIndex): void {
    if (!this.#meters.isActive) return
    const now = this.#clock.now()
    for (let at = from; at < batches.length; at++) {
      const batch = batches[at] as Batch<never>
      if (batch.first >= end) return
      if (batch.committedAt !== undefined) continue
      batch.committedAt = now
      if (batch.submittedAt !== undefined) this.#meters.stage('quorum', now - batch.submittedAt, batch.proposals.length)
    }
  }

  /** Every command of the batch was applied, the last one at `now`. */
  onApplied({ committedAt, proposals }: Batch<never>, now: Instant): void {
    if (committedAt !== undefined) this.#meters.stage('apply', now - committedAt, proposals.length)
  }

  /** `now` is when the command was applied; undefined if it was not. */
  onSettled(pending: PendingProposal<never>, now: Instant | undefined, code: ErrorCode | undefined): void {
    if (this.#meters.isActive) this.#meters.proposal((now ?? this.#clock.now()) - pending.startedAt, code)
  }
}
