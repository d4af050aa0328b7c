/** The public API of "quorate/recipes": ready-made state machines, with a client for each. */
export type { Malformed, RecipeCodecs } from './codecs.ts'
export type { AcquireOptions, HeldLock, LockClient, LockClientOptions } from './lock-client.ts'
export { lockClient } from './lock-client.ts'
export type { LockAnswer, LockCommand, LockQuery, LockRefusal, LockResult } from './lock-machine.ts'
export { LOCK_LIMITS, LockMachine, lockCodecs } from './lock-machine.ts'
export type { Stamp } from './log-time.ts'
export type { Proposer } from './proposer.ts'
