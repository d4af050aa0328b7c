/** The calls that change the membership. */
import type { CallOptions } from '../contracts/node-service.ts'
import type { MembershipChange } from '../core/inputs.ts'
import { RaftError } from '../errors.ts'
import type { Calls } from './calls/calls.ts'
import { checkNodeId } from './options.ts'
import type { Driver } from './pipeline/driver.ts'

export interface MembershipCallsParts {
  readonly driver: Pick<Driver, 'post'>
  readonly calls: Pick<Calls<unknown>, 'adminRequests' | 'deadlines'>
}

export class MembershipCalls {
  readonly #parts: MembershipCallsParts

  constructor(parts: MembershipCallsParts) {
    this.#parts = parts
  }

  /** Resolves once the new membership is committed and no longer joint. */
  change(change: MembershipChange, options?: CallOptions): Promise<{ readonly index: number }> {
    return new Promise((resolve, reject) => {
      const { calls, driver } = this.#parts
      const invalid = change.add?.find(({ id }) => checkNodeId(id) !== undefined)
      if (invalid !== undefined)
        throw new RaftError('ERR_RAFT_BAD_CHANGE', `the id of a new member ${checkNodeId(invalid.id)}`)
      const deadline = calls.deadlines.deadlineFor(options)
      const operation = 'membership change'
      const request = calls.adminRequests.add({ operation, deadline, signal: options?.signal, resolve, reject })
      driver.post({ type: 'changeMembership', request, change })
    })
  }
}
