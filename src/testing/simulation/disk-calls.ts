/** The disk calls of one run of a process: each takes simulated time, and a crash can be injected before and after it. */
import type { SimulatedDisk } from './simulated-disk.ts'
import type { NodeClock } from './virtual-clock.ts'

export class DiskCalls {
  readonly #disk: SimulatedDisk
  readonly #clock: NodeClock

  constructor(disk: SimulatedDisk, clock: NodeClock) {
    this.#disk = disk
    this.#clock = clock
  }

  /** A call that takes the disk's read time before it is executed. */
  async read<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
    await this.#crashPoint('before', what)
    await this.#clock.pass(this.#disk.timing.readUs)
    const result = await operation()
    await this.#crashPoint('after', what)
    return result
  }

  /** A call whose completion is reported in a later event, so that other events can happen between the two. */
  async write<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
    await this.#crashPoint('before', what)
    await this.#clock.pass(0)
    const result = await operation()
    await this.#crashPoint('after', what)
    await this.#clock.pass(0)
    return result
  }

  /** If the process ends here, the call never returns. */
  #crashPoint(when: 'before' | 'after', what: string): Promise<never> | undefined {
    this.#disk.reportCall(when, what)
    return this.#clock.isStopped ? new Promise(() => {}) : undefined
  }
}
