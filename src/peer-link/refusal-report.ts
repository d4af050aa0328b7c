/** Tells the node about callers that are not the peers that they claim to be: a condition that ends once none came for a while. */
import type { Refusal, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'

const CODE = 'PEERS_REFUSED'
/** Longer than the pause of a node that tries again. */
const QUIET_MS = 60_000

export class RefusalReport {
  readonly #tell: TransportHost['condition']
  readonly #quietMs: number
  #count = 0
  #quiet: NodeJS.Timeout | undefined

  constructor(tell: TransportHost['condition'], quietMs: number = QUIET_MS) {
    this.#tell = tell
    this.#quietMs = quietMs
  }

  /** `peer` and `address` are what the caller says of itself. */
  onRefused(peer: NodeId, address: string, { message }: Refusal): void {
    this.#count++
    const text = `${this.#count} connections of peers were refused; the last one called itself ${peer} at ${address}: ${message}`
    this.#tell(CODE, { message: text, details: { count: this.#count, peer, address } })
    this.#quiet?.refresh()
    this.#quiet ??= setTimeout(() => this.#end(), this.#quietMs).unref()
  }

  /** The node is closing. */
  close(): void {
    clearTimeout(this.#quiet)
  }

  #end(): void {
    this.#quiet = undefined
    this.#count = 0
    this.#tell(CODE, undefined)
  }
}
