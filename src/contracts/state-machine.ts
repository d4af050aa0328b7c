/** What a user writes: a deterministic machine that commands are applied to, on every node in the same order. */
import type { LogIndex, Term } from '../core/types.ts'

export interface ApplyContext {
  readonly index: LogIndex
  readonly term: Term
}

/**
 * The law: `apply` is deterministic (no clock, no randomness, no I/O: the same commands in the same order give the same state and
 * results everywhere), synchronous, and does not keep the command's bytes if it means to change them. If it throws, the node stops
 * with ERR_RAFT_APPLY: an entry is never skipped. A refusal ("no such key") is a result, not an exception.
 */
export interface StateMachine<Command = unknown, Result = unknown, Query = never, Answer = unknown> {
  apply(command: Command, context: ApplyContext): Result
  /**
   * The state as of this call, in chunks. Commands go on being applied while it is read: hand out a copy, or a persistent
   * structure, or copy on write. Large states yield many chunks, so that the event loop is never held for long.
   */
  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** Replaces the whole state by one of `snapshot()`'s, chunked as it may be. Nothing is applied until it resolves. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> | void
  /** Answers a read; changes nothing. Called when a read from the network was confirmed. */
  query?(query: Query): Answer
}

/** Turns values into bytes and back. `decode` gets exactly the bytes `encode` made, and may throw on others. */
export interface Codec<Value> {
  encode(value: Value): Uint8Array
  decode(bytes: Uint8Array): Value
}
