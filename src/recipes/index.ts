/**
 * `quorate/recipes`: ready-made state machines, with a client for each.
 *
 * @module
 */
export type { KvAnswer, KvCommand, KvEntry, KvExpectation, KvQuery, KvResult } from '../kv/index.ts'
export { KeyValueMachine } from '../kv/index.ts'
export type { Malformed, RecipeCodecs } from './codecs.ts'
export type { ElectionOptions } from './election.ts'
export { whileElected } from './election.ts'
export type { IdClient, IdClientOptions } from './id-client.ts'
export { idClient } from './id-client.ts'
export type { IdAnswer, IdCommand, IdQuery, IdRefusal, IdResult } from './id-machine.ts'
export { ID_LIMITS, IdMachine, idCodecs } from './id-machine.ts'
export type { KvClient, ListOptions, Querier } from './kv-client.ts'
export { kvClient, kvCodecs } from './kv-client.ts'
export type { AcquireOptions, HeldLock, LockClient, LockClientOptions } from './lock-client.ts'
export { lockClient } from './lock-client.ts'
export type { LockAnswer, LockCommand, LockOutcome, LockQuery, LockRefusal, LockResult } from './lock-machine.ts'
export { LOCK_LIMITS, LockMachine, lockCodecs } from './lock-machine.ts'
export type { Stamp } from './log-time.ts'
export type { Proposer } from './proposer.ts'
export type { HeldJob, PushOptions, QueueClient, QueueClientOptions, TakeOptions } from './queue-client.ts'
export { queueClient } from './queue-client.ts'
export type { QueueAnswer, QueueCommand, QueueOutcome, QueueQuery, QueueRefusal, QueueResult } from './queue-machine.ts'
export { QUEUE_LIMITS, QueueMachine, queueCodecs } from './queue-machine.ts'
