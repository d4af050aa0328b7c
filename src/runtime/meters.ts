/** Passes what a node measures to the meters of its observers. */
import type { Meter, ProposalStage } from '../contracts/meter.ts'
import type { ReadMode } from '../contracts/node-service.ts'
import type { ErrorCode } from '../errors.ts'
import { warn } from './warn.ts'

/** Cheap enough for every command: without a meter the node reads no clock for it. A meter that throws is removed. */
export class Meters implements Meter {
  #meters: readonly Meter[] = []

  /** Whether to measure at all. */
  get isActive(): boolean {
    return this.#meters.length > 0
  }

  add(meter: Meter | undefined): void {
    if (meter !== undefined) this.#meters = [...this.#meters, meter]
  }

  proposal(ms: number, code: ErrorCode | undefined): void {
    // One for each command: without the closure of #each.
    for (const meter of this.#meters) {
      try {
        meter.proposal(ms, code)
      } catch (cause) {
        this.#remove(meter, cause)
      }
    }
  }

  stage(stage: ProposalStage, ms: number, count: number): void {
    this.#each((meter) => meter.stage(stage, ms, count))
  }

  read(mode: ReadMode, ms: number, code: ErrorCode | undefined): void {
    this.#each((meter) => meter.read(mode, ms, code))
  }

  readRound(mode: 'quorum' | 'lease', ms: number): void {
    this.#each((meter) => meter.readRound(mode, ms))
  }

  write(ms: number, bytes: number, isImmediate: boolean): void {
    this.#each((meter) => meter.write(ms, bytes, isImmediate))
  }

  apply(ms: number, commands: number): void {
    this.#each((meter) => meter.apply(ms, commands))
  }

  #each(call: (meter: Meter) => void): void {
    for (const meter of this.#meters) {
      try {
        call(meter)
      } catch (cause) {
        this.#remove(meter, cause)
      }
    }
  }

  #remove(meter: Meter, cause: unknown): void {
    this.#meters = this.#meters.filter((each) => each !== meter)
    warn(`the meter of an observer threw and was removed: ${String(cause)}`)
  }
}
