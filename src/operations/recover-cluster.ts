/** Makes a new cluster of one surviving node, after the majority of a cluster is lost for good. */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Membership, NodeId } from '../core/types.ts'
import { DataDirectory } from '../data-directory/data-directory.ts'
import { chooseStorage } from '../engines.ts'
import { RaftError } from '../errors.ts'
import { encodeMembership } from '../log-format/block.ts'
import type { OptionCheck } from '../platform/options.ts'
import { checkString, findOptionProblems, throwOnProblems } from '../platform/options.ts'
import { inspectDataDirectory } from './inspect-data-directory.ts'

export interface RecoverOptions {
  /** The data directory of the survivor, which is stopped. */
  readonly directory: string
  /** The address of the survivor in the new cluster. */
  readonly address: string
  /** The id of the new cluster. Default: a random one. */
  readonly cluster?: string | undefined
}

export interface Recovery {
  readonly nodeId: NodeId
  readonly fromCluster: string
  readonly cluster: string
  /** The index of the entry that makes the survivor the only member. */
  readonly index: number
  /** Entries before it that were not known to be committed. They are kept, and so become committed. */
  readonly uncertainEntries: number
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  directory: checkString,
  address: checkString,
  cluster: checkString,
}

/**
 * Turns the data directory of a stopped node into the one member of a new cluster, with a new cluster id. Everything in its log is kept; what other
 * members acknowledged without this node is lost. Call it only if the majority of the voters is lost for good. Members of the old cluster that reach the
 * new one are rejected, and stop. Rejects with ERR_RAFT_DATA_DIR_LOCKED while the node runs, and with the first problem of a damaged directory.
 * If it is interrupted, the directory belongs to the new cluster but starts no leader: call it again.
 *
 *     const { cluster } = await recoverCluster({ directory: './data/n1', address: '10.0.0.1:7001' })
 */
export async function recoverCluster(options: RecoverOptions): Promise<Recovery> {
  const found = findOptionProblems(options, CHECKS)
  for (const path of ['directory', 'address'] as const)
    if (options[path] === undefined) found.push({ path, problem: 'is missing' })
  throwOnProblems(found)
  const { address, cluster = `c-${randomBytes(4).toString('hex')}` } = options
  const directory = new DataDirectory(resolve(options.directory))
  const report = await inspectDataDirectory({ directory: directory.path })
  const { nodeId, clusterId, interruptedRecoveryOf: fromCluster = clusterId, hardState, log, problems } = report
  const [problem] = problems
  if (problem !== undefined) throw new RaftError(problem.code, problem.message, { details: problem.details })
  if (log === undefined || hardState === undefined || log.lastIndex === 0)
    throw new RaftError(
      'ERR_RAFT_NOTHING_APPLIED',
      `the log in ${directory.path} is empty: there is nothing to recover`,
    )
  if (cluster === fromCluster)
    throw new RaftError('ERR_RAFT_OPTIONS', `the new cluster needs another id than the old one, ${fromCluster}`)
  const index = log.lastIndex + 1
  const term = hardState.term + 1
  const { storage } = await chooseStorage(directory.path, undefined)
  try {
    await storage.open({ clusterId, nodeId })
    // Before the log: a directory with the new membership in the old cluster would be a leader beside those that still run.
    const identity = await directory.requireIdentity()
    const { directoryId } = await directory.replaceCluster(identity, {
      clusterId: cluster,
      replacedClusterId: fromCluster,
    })
    const member = { id: nodeId, address, directoryId, addedAt: index, promote: false }
    const membership: Membership = { members: [member], voters: [nodeId], outgoing: [], learners: [] }
    await storage.write({
      blocks: [encodeMembership(index, term, membership)],
      hardState: { term, votedFor: undefined, commitIndex: index },
      isUrgent: true,
    })
  } finally {
    await storage.close()
  }
  return { nodeId, fromCluster, cluster, index, uncertainEntries: log.lastIndex - log.commitIndex }
}
