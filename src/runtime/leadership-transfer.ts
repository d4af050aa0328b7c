/** Leadership given to another node: when somebody asks for it, when this one's disk is nearly full, and when it closes. */
import type { CallOptions, NodeStatus } from '../contracts/node-service.ts'
import type { NodeId } from '../core/types.ts'
import type { AdminRequests } from './calls/admin-requests.ts'
import type { CallDeadlines } from './calls/call-deadlines.ts'
import type { StatusWaiters } from './calls/status-waiters.ts'
import type { Driver } from './pipeline/driver.ts'

export interface LeadershipTransferParts {
  readonly driver: Driver
  readonly adminRequests: AdminRequests
  readonly statusWaiters: StatusWaiters
  readonly deadlines: CallDeadlines
}

export class LeadershipTransfer {
  readonly #parts: LeadershipTransferParts

  constructor(parts: LeadershipTransferParts) {
    this.#parts = parts
  }

  /** Resolves with the new leader, if this node hears of it in time. */
  async transfer(to: NodeId | undefined, { timeoutMs, signal }: CallOptions): Promise<{ leader: NodeId | undefined }> {
    const { driver, adminRequests, statusWaiters, deadlines } = this.#parts
    const deadline = deadlines.deadlineFor({ timeoutMs })
    const { leader } = await new Promise<{ leader: NodeId | undefined }>((resolve, reject) => {
      const operation = 'leadership transfer'
      const request = adminRequests.add({ ...{ operation, isStarted: true, deadline, signal }, resolve, reject })
      driver.collectInputs()
      driver.post({ type: 'transfer', request, to })
    })
    if (leader !== undefined) return { leader }
    return new Promise((resolve) => {
      statusWaiters.add({
        ...{ deadline, signal, predicate: (status) => status.leader !== undefined },
        resolve: (status) => resolve({ leader: status.leader }),
        reject: () => resolve({ leader: undefined }),
      })
    })
  }

  /** To whoever can take it; nobody is waiting for that. */
  transferToAny(): void {
    if (this.#parts.driver.status().role === 'leader') this.transfer(undefined, {}).catch(() => undefined)
  }

  /** Gives it away if there is anybody to take it, and waits for no longer than that; then until `isSettled`, if that comes in time. */
  async transferBeforeClose(isSettled: () => boolean, timeoutMs: number): Promise<void> {
    const { role, membership } = this.#parts.driver.status()
    if (role === 'leader' && membership.voters.length > 1) {
      // A successor that goes away meanwhile is not waited for.
      const disconnected = this.#until(({ connected }) => connected.length === 0, timeoutMs)
      await Promise.race([this.transfer(undefined, { timeoutMs }), disconnected]).catch(() => undefined)
    }
    if (!isSettled()) await this.#until(isSettled, timeoutMs)
  }

  /** Waits for it, or as long as that; never rejects. */
  #until(predicate: (status: NodeStatus) => boolean, timeoutMs: number): Promise<void> {
    const deadline = this.#parts.deadlines.deadlineFor({ timeoutMs })
    return new Promise((resolve) => {
      const done = (): void => resolve()
      this.#parts.statusWaiters.add({ predicate, deadline, signal: undefined, resolve: done, reject: done })
    })
  }
}
