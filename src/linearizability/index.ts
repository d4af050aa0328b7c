/**
 * `quorate/linearizability`: records client calls and checks whether the history is linearizable. It knows nothing of Raft.
 *
 * @module
 */

export type { LinearizabilityOptions, LinearizabilityVerdict } from './check-linearizable.ts'
export { checkLinearizable, LINEARIZABILITY_STEPS_MAX } from './check-linearizable.ts'
export type { Answer, OpenCall, RecordedCall } from './history.ts'
export { CallHistory } from './history.ts'
export type { Model } from './model.ts'
export type { CompareAndSetOperation } from './models/compare-and-set-register.ts'
export { compareAndSetModel } from './models/compare-and-set-register.ts'
export type { CounterOperation } from './models/counter.ts'
export { counterModel } from './models/counter.ts'
export type { KeyValueOperation } from './models/key-value.ts'
export { keyValueModel } from './models/key-value.ts'
export type { QueueOperation } from './models/queue.ts'
export { queueModel } from './models/queue.ts'
export type { RegisterOperation } from './models/register.ts'
export { registerModel } from './models/register.ts'
