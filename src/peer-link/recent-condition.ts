/** A condition of a transport about what happens now and then: it ends once nothing happened for a while. */
import type { TransportHost } from '../contracts/transport.ts'

type Facts = NonNullable<Parameters<TransportHost['condition']>[1]>

export interface RecentConditionParts {
  readonly code: string
  readonly tell: TransportHost['condition']
  readonly quietMs: number
  /** Nothing happened for that long. */
  readonly onEnd: () => void
}

export class RecentCondition {
  readonly #parts: RecentConditionParts
  #quiet: NodeJS.Timeout | undefined

  constructor(parts: RecentConditionParts) {
    this.#parts = parts
  }

  /** It happened again. */
  raise(facts: Facts): void {
    const { code, tell, quietMs } = this.#parts
    tell(code, facts)
    this.#quiet?.refresh()
    this.#quiet ??= setTimeout(() => this.#end(), quietMs).unref()
  }

  /** The node is closing. */
  close(): void {
    clearTimeout(this.#quiet)
  }

  #end(): void {
    const { code, tell, onEnd } = this.#parts
    this.#quiet = undefined
    onEnd()
    tell(code, undefined)
  }
}
