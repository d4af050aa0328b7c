/** The calls of one life of a node on its disk: each takes a moment, and a crash can be put before and after it. */
import type { SimulatedDisk } from './simulated-disk.ts'
import type { NodeClock } from './virtual-clock.ts'

export class DiskCalls {
  readonly #disk: SimulatedDisk
  readonly #clock: NodeClock

  constructor(disk: SimulatedDisk, clock: NodeClock) {
    this.#disk = disk
    this.#clock = clock
  }

  /** The disk takes its time to find what is asked for. */
  async read<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
    await this.#crashPoint('before', what)
    await this.#clock.pass(this.#disk.timing.readUs)
    const result = await operation()
    await this.#crashPoint('after', what)
    return result
  }

  /** Something may happen between what is done and the news of it. */
  async write<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
    await this.#crashPoint('before', what)
    await this.#clock.pass(0)
    const result = await operation()
    await this.#crashPoint('after', what)
    await this.#clock.pass(0)
    return result
  }

  /** Of a life that ends here nothing returns. */
  #crashPoint(when: 'before' | 'after', what: string): Promise<never> | undefined {
    this.#disk.reportCall(when, what)
    return this.#clock.isStopped ? new Promise(() => {}) : undefined
  }
}
