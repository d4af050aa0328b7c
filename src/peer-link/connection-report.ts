/** Tells the node about connections that its port closed or rejected: a condition that ends once none was for a while. */
import type { TransportHost } from '../contracts/transport.ts'
import { DESCRIPTORS_RECOMMENDED, descriptorLimit } from '../platform/descriptor-limit.ts'
import type { ClosingReason } from './connection-limiter.ts'
import { RecentCondition } from './recent-condition.ts'

/** The limits that the message names. */
export interface ReportedLimits {
  readonly connectionsMax: number
  readonly greetingTimeoutMs: number
}

const CODE = 'CONNECTIONS_CLOSED'
/** The condition ends this long after the last closed connection. */
const QUIET_MS = 10_000

export class ConnectionReport {
  readonly #condition: RecentCondition
  readonly #counts: Record<ClosingReason, number> = { full: 0, silent: 0, tooManyClients: 0 }

  constructor(tell: TransportHost['condition'], quietMs: number = QUIET_MS) {
    const onEnd = (): void => {
      Object.assign(this.#counts, { full: 0, silent: 0, tooManyClients: 0 })
    }
    this.#condition = new RecentCondition({ code: CODE, tell, quietMs, onEnd })
  }

  onClosed(reason: ClosingReason, address: string, limits: ReportedLimits): void {
    const counts = this.#counts
    counts[reason]++
    const reasons = [
      [counts.full, `because the port has ${limits.connectionsMax} already`],
      [counts.silent, `without a hello or a call within ${limits.greetingTimeoutMs} ms`],
      [counts.tooManyClients, 'of clients at their first call, because there are too many clients'],
    ] as const
    const parts = reasons.flatMap(([count, why]) => (count === 0 ? [] : [`${count} ${why}`]))
    const message = `connections were closed or rejected: ${parts.join(', ')}; the last one came from ${address}`
    this.#condition.raise({ message, details: { ...counts, address } })
  }

  /** The node is closing. */
  close(): void {
    this.#condition.close()
  }
}

/** The process may open fewer files than recommended: a condition until it ends. */
export function reportFewDescriptors(tell: TransportHost['condition'], limit: number = descriptorLimit()): void {
  if (limit >= DESCRIPTORS_RECOMMENDED) return
  tell('DESCRIPTORS_FEW', {
    message:
      `this process may open ${limit} files and connections, and accepts half as many connections; ${DESCRIPTORS_RECOMMENDED} or more are ` +
      `recommended: ulimit -n ${DESCRIPTORS_RECOMMENDED}, or LimitNOFILE= of systemd`,
    details: { limit, recommended: DESCRIPTORS_RECOMMENDED },
  })
}
