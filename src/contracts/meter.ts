/** What a node measures for its observers, often: its durations. Times are in milliseconds. */
import type { ErrorCode } from '../errors.ts'
import type { ReadMode } from './node-service.ts'

/**
 * The parts of a proposal's way, at the node that made it: until it is in a block, until the block is committed, and until the state machine of this
 * node has applied the block.
 */
export type ProposalStage = 'queue' | 'quorum' | 'apply'

/** Receives what a node measures. Every method is called synchronously, up to once for each command; it must not throw or block. */
export interface Meter {
  /** A proposal made at this node has ended `ms` after its call: it was applied, or rejected with this code. */
  proposal(ms: number, code: ErrorCode | undefined): void
  /** A block of `count` proposals made at this node has passed a stage. For 'queue', `ms` is that of the proposal that waited longest. */
  stage(stage: ProposalStage, ms: number, count: number): void
  /** A read has ended `ms` after its call: it was answered, or rejected with this code. */
  read(mode: ReadMode, ms: number, code: ErrorCode | undefined): void
  /** The reads of one turn of the event loop were confirmed together, `ms` after they were asked for: by a quorum, or by the lease. */
  readRound(mode: 'quorum' | 'lease', ms: number): void
  /**
   * A write of the log or the hard state, of so many bytes of blocks, has become durable. Longer pauses of the event loop do not count. `isImmediate`
   * says that it was made on the thread of JavaScript, and stopped the event loop meanwhile.
   */
  write(ms: number, bytes: number, isImmediate: boolean): void
  /** The state machine applied so many commands in one turn of the event loop, which was blocked meanwhile. */
  apply(ms: number, commands: number): void
}
