/** A core that looks at its own invariants after every step. */
import type { Effects } from '../../core/effects.ts'
import type { Input } from '../../core/inputs.ts'
import type { StateDigest } from '../../core/invariants.ts'
import { checkDelta, checkNow, digestOf } from '../../core/invariants.ts'
import { Raft } from '../../core/raft.ts'
import type { Instant } from '../../core/types.ts'

export class CheckedRaft extends Raft {
  #before: StateDigest | undefined

  override step(now: Instant, inputs: readonly Input[]): Effects {
    const effects = super.step(now, inputs)
    checkNow(this.state)
    if (this.#before !== undefined) checkDelta(this.#before, this.state)
    this.#before = digestOf(this.state)
    return effects
  }
}
