/** Transfers leadership to another node: on request, for a leader short of disk space or with a slow disk, and before the node closes. */
import type { CallOptions, NodeStatus } from '../contracts/node-service.ts'
import type { NodeId } from '../core/types.ts'
import type { Calls } from './calls/calls.ts'
import type { Driver } from './pipeline/driver.ts'

export interface LeadershipTransferParts {
  readonly driver: Driver
  readonly calls: Pick<Calls<unknown>, 'adminRequests' | 'statusWaiters' | 'deadlines'>
}

export class LeadershipTransfer {
  readonly #parts: LeadershipTransferParts

  constructor(parts: LeadershipTransferParts) {
    this.#parts = parts
  }

  /** Resolves with the new leader, or with undefined if this node does not learn it before the deadline. */
  async transfer(
    to: NodeId | undefined,
    options: CallOptions & { readonly force?: boolean | undefined; readonly toFasterDisk?: boolean | undefined },
  ): Promise<{ leader: NodeId | undefined }> {
    const { timeoutMs, signal, force: isForced = false, toFasterDisk } = options
    const { driver, calls } = this.#parts
    const deadline = calls.deadlines.deadlineFor({ timeoutMs })
    const { leader } = await new Promise<{ leader: NodeId | undefined }>((resolve, reject) => {
      const request = calls.adminRequests.add({ operation: 'leadership transfer', deadline, signal, resolve, reject })
      // Proposals made before this call reach the core before the transfer, which rejects later ones.
      driver.collectInputs()
      driver.post({ type: 'transfer', request, to, isForced, toFasterDisk })
    })
    if (leader !== undefined) return { leader }
    return new Promise((resolve) => {
      calls.statusWaiters.add({
        ...{ deadline, signal, predicate: (status) => status.leader !== undefined },
        resolve: (status) => resolve({ leader: status.leader }),
        reject: () => resolve({ leader: undefined }),
      })
    })
  }

  /** A leader of several voters transfers leadership first. Then waits for `isSettled`. Each step takes at most `timeoutMs`. */
  async transferBeforeClose(isSettled: () => boolean, timeoutMs: number): Promise<void> {
    const { role, membership } = this.#parts.driver.status()
    if (role === 'leader' && membership.voters.length > 1) {
      // If all peers disconnect in the meantime, there is no successor to wait for.
      const disconnected = this.#until(({ connected }) => connected.length === 0, timeoutMs)
      await Promise.race([this.transfer(undefined, { timeoutMs, force: true }), disconnected]).catch(() => undefined)
    }
    if (!isSettled()) await this.#until(isSettled, timeoutMs)
  }

  /** Resolves once the predicate holds, or at the timeout. Never rejects. */
  #until(predicate: (status: NodeStatus) => boolean, timeoutMs: number): Promise<void> {
    const { deadlines, statusWaiters } = this.#parts.calls
    const deadline = deadlines.deadlineFor({ timeoutMs })
    return new Promise((resolve) => {
      const done = (): void => resolve()
      statusWaiters.add({ predicate, deadline, signal: undefined, resolve: done, reject: done })
    })
  }
}
