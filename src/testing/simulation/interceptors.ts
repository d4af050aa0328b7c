/** Tricks played on the parts of a node, to show that the judges notice. Never part of a node that is not simulated. */
import type { Storage } from '../../contracts/storage.ts'
import type { Transport } from '../../contracts/transport.ts'
import type { Raft } from '../../core/raft.ts'
import type { NodeId } from '../../core/types.ts'
import type { SteppedCore } from './observed-core.ts'

/** Each gives back what the node gets in the place of its own. */
export interface Interceptors {
  core?(raft: Raft, node: NodeId): SteppedCore
  storage?(storage: Storage, node: NodeId): Storage
  transport?(transport: Transport, node: NodeId): Transport
}
