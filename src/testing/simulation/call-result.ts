/** How a simulated call on one node ended. */
import type { NodeId } from '../../core/types.ts'
import type { ErrorCode, Outcome } from '../../errors.ts'

export interface CallResult {
  readonly outcome: Outcome
  readonly index: number
  /** The state machine's result. */
  readonly result?: string | undefined
  /** The leader, according to the node that rejected the call. */
  readonly leader: NodeId | undefined
  readonly code?: ErrorCode | undefined
}
