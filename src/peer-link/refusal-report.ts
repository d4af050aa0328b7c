/** Tells the node about callers that are not the peers that they claim to be: a condition that ends once none came for a while. */
import type { Refusal, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { RecentCondition } from './recent-condition.ts'

const CODE = 'PEERS_REFUSED'
/** Longer than the pause of a node that tries again. */
const QUIET_MS = 60_000

export class RefusalReport {
  readonly #condition: RecentCondition
  #count = 0

  constructor(tell: TransportHost['condition'], quietMs: number = QUIET_MS) {
    const onEnd = (): void => {
      this.#count = 0
    }
    this.#condition = new RecentCondition({ code: CODE, tell, quietMs, onEnd })
  }

  /** `peer` and `address` are what the caller says of itself. */
  onRefused(peer: NodeId, address: string, { message }: Refusal): void {
    this.#count++
    const what = `${this.#count} connections of peers were refused; the last one called itself ${peer} at ${address}: ${message}`
    this.#condition.raise({ message: what, details: { count: this.#count, peer, address } })
  }

  /** The node is closing. */
  close(): void {
    this.#condition.close()
  }
}
