/** The application's state machine, to which every node applies the same commands in the same order. */
import type { LogIndex, Term } from '../core/types.ts'

/** The place of the command's entry in the log. */
export interface ApplyContext {
  readonly index: LogIndex
  readonly term: Term
  /** The machine version in force at this entry: the same on all nodes. It starts at 1 and only rises, by an entry before this one. */
  readonly machineVersion: number
}

/**
 * `apply` must be deterministic: the same commands in the same order give the same state and results, so it uses no clock, no
 * randomness and no I/O. It is synchronous. If it throws, the node stops with ERR_RAFT_APPLY, because an entry is never skipped:
 * return a rejection ("no such key") as a result. Do not modify a command's bytes.
 */
export interface StateMachine<Command = unknown, Result = unknown, Query = never, Answer = unknown> {
  /**
   * The version of the newest commands that this machine applies, a whole number from 1 on, and 1 by default; it applies those of all earlier versions too.
   * The leader raises the machine version in force once every member, learners included, is connected and supports the next one. A
   * node whose machine supports less than the version in force stops with ERR_RAFT_MACHINE_TOO_OLD, and applies nothing more.
   */
  readonly machineVersion?: number | undefined
  /** The lowest version that applies this command; 1 by default. Until that is in force, the command is rejected with ERR_RAFT_COMMAND_TOO_NEW. */
  commandVersion?(command: Command): number
  apply(command: Command, context: ApplyContext): Result
  /**
   * The state as of this call, in chunks. Commands are applied while the chunks are read: return a copy, use a persistent data
   * structure, or copy on write. Yield a large state in many chunks, so that the event loop is not blocked.
   */
  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** Replaces the state with that of a snapshot. Chunk boundaries may differ from `snapshot()`. Nothing is applied until it resolves. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> | void
  /**
   * A short text that is equal on two nodes whose states are equal, and differs otherwise, such as a sum of hashes that `apply` maintains. It
   * is called after every 4,096 entries or so (`digestEntries`), so it should be cheap. The nodes compare it: one whose state differs from
   * that of a majority stops with ERR_RAFT_DIVERGED. Text before a ':' names how the digest is computed ('v2:5f3c'): only digests that are
   * computed in the same way are compared, so a release that changes the computation changes that name.
   */
  digest?(): string
  /** Answers a query of `RaftNode.query` or of a client, once the read is confirmed. Must not change the state. */
  query?(query: Query): Answer
}

/** Converts values to bytes and back. `decode` may throw on bytes that `encode` did not produce. */
export interface Codec<Value> {
  encode(value: Value): Uint8Array
  decode(bytes: Uint8Array): Value
}
