/** The calls of one life of a node on its disk: each takes a moment, and a crash can be put before and after it. */
import type { FalseDisk } from './disk.ts'
import type { NodeClock } from './virtual-clock.ts'

export class DiskCalls {
  readonly #disk: FalseDisk
  readonly #clock: NodeClock

  constructor(disk: FalseDisk, clock: NodeClock) {
    this.#disk = disk
    this.#clock = clock
  }

  /** The disk takes its time to find what is asked for. */
  async read<Result>(what: string, doing: () => Promise<Result>): Promise<Result> {
    await this.#moment('before', what)
    await this.#clock.pass(this.#disk.temper.readUs)
    const result = await doing()
    await this.#moment('after', what)
    return result
  }

  /** Something may happen between what is done and the news of it. */
  async write<Result>(what: string, doing: () => Promise<Result>): Promise<Result> {
    await this.#moment('before', what)
    await this.#clock.pass(0)
    const result = await doing()
    await this.#moment('after', what)
    await this.#clock.pass(0)
    return result
  }

  /** Of a life that ends here nothing returns. */
  #moment(when: 'before' | 'after', what: string): Promise<never> | undefined {
    this.#disk.call(when, what)
    return this.#clock.isStopped ? new Promise(() => {}) : undefined
  }
}
