/** A core that reports every step to a callback. */
import type { Effects } from '../../core/effects.ts'
import type { Input } from '../../core/inputs.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { Instant, LinkedBlock, LogIndex, SnapshotInfo } from '../../core/types.ts'
import type { RaftCore } from '../../runtime/pipeline/driver.ts'

export class ObservedCore implements RaftCore {
  readonly #core: RaftCore
  readonly #onStep: (inputs: readonly Input[], effects: Effects, status: RaftStatus, now: Instant) => void

  constructor(
    core: RaftCore,
    onStep: (inputs: readonly Input[], effects: Effects, status: RaftStatus, now: Instant) => void,
  ) {
    this.#core = core
    this.#onStep = onStep
  }

  step(now: Instant, inputs: readonly Input[]): Effects {
    const effects = this.#core.step(now, inputs)
    this.#onStep(inputs, effects, this.#core.status(now), now)
    return effects
  }

  status(now: Instant): RaftStatus {
    return this.#core.status(now)
  }

  blockAt(index: LogIndex): LinkedBlock | undefined {
    return this.#core.blockAt(index)
  }

  snapshotMetadata(index: LogIndex): Pick<SnapshotInfo, 'index' | 'term' | 'chain' | 'membership'> {
    return this.#core.snapshotMetadata(index)
  }
}
