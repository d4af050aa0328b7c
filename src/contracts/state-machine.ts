/** The application's state machine, to which every node applies the same commands in the same order. */
import type { LogIndex, Term } from '../core/types.ts'

/** The place of the command's entry in the log. */
export interface ApplyContext {
  readonly index: LogIndex
  readonly term: Term
}

/**
 * `apply` must be deterministic: the same commands in the same order give the same state and results, so it uses no clock, no
 * randomness and no I/O. It is synchronous. If it throws, the node stops with ERR_RAFT_APPLY, because an entry is never skipped:
 * return a rejection ("no such key") as a result. Do not modify a command's bytes.
 */
export interface StateMachine<Command = unknown, Result = unknown, Query = never, Answer = unknown> {
  apply(command: Command, context: ApplyContext): Result
  /**
   * The state as of this call, in chunks. Commands are applied while the chunks are read: return a copy, use a persistent data
   * structure, or copy on write. Yield a large state in many chunks, so that the event loop is not blocked.
   */
  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** Replaces the state with that of a snapshot. Chunk boundaries may differ from `snapshot()`. Nothing is applied until it resolves. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> | void
  /** Answers a query from the network, once the read is confirmed. Must not change the state. */
  query?(query: Query): Answer
}

/** Converts values to bytes and back. `decode` may throw on bytes that `encode` did not produce. */
export interface Codec<Value> {
  encode(value: Value): Uint8Array
  decode(bytes: Uint8Array): Value
}
