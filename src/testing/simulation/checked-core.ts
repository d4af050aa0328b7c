/** A core that checks its own invariants after every step. */
import type { Effects } from '../../core/effects.ts'
import type { Input } from '../../core/inputs.ts'
import type { StateSummary } from '../../core/invariants.ts'
import { checkState, checkTransition, summaryOf } from '../../core/invariants.ts'
import { Raft } from '../../core/raft.ts'
import type { Instant } from '../../core/types.ts'

export class CheckedRaft extends Raft {
  #previous: StateSummary | undefined

  override step(now: Instant, inputs: readonly Input[]): Effects {
    const effects = super.step(now, inputs)
    checkState(this.state)
    if (this.#previous !== undefined) checkTransition(this.#previous, this.state)
    this.#previous = summaryOf(this.state)
    return effects
  }
}
