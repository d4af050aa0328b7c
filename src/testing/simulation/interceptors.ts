/** Functions that replace the core, storage or transport of simulated nodes by a faulty one, to test that the properties detect it. */
import type { Storage } from '../../contracts/storage.ts'
import type { Transport } from '../../contracts/transport.ts'
import type { Raft } from '../../core/raft.ts'
import type { NodeId } from '../../core/types.ts'
import type { RaftCore } from '../../runtime/pipeline/driver.ts'

/** Each function receives a part of a node and returns the replacement that the node uses. */
export interface Interceptors {
  core?(raft: Raft, node: NodeId): RaftCore
  storage?(storage: Storage, node: NodeId): Storage
  transport?(transport: Transport, node: NodeId): Transport
}
