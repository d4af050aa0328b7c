/** For our own bugs: what must hold, said where it must hold. The world's mistakes are never thrown, they are answered. */

/** A bug in this library. Never caught; the node that meets one must not go on. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new InvariantError(`this does not hold: ${claim}`)
}

/** Ends a switch that names every case. */
export function unreachable(value: never): never {
  throw new InvariantError(`no such case: ${JSON.stringify(value)}`)
}
