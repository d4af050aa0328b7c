/** Assertions, for bugs in this library only. Bad messages of peers are reported as events, mistakes of callers as `UsageError` (usage.ts). */

/** A bug in this library. Do not catch it and continue: the node must stop. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
  readonly code = 'ERR_RAFT_INTERNAL'
}

export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new InvariantError(`invariant violated: ${claim}`)
}

/** Ends an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantError(`unexpected value: ${JSON.stringify(value)}`)
}
