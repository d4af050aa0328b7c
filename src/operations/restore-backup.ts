/** Makes the data directory of a node of a new cluster from a backup. */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { bootstrapMembership } from '../core/membership/membership.ts'
import type { LogIndex, NodeId } from '../core/types.ts'
import type { Backup } from '../data-directory/backup-file.ts'
import { readBackup, readBackupChunks } from '../data-directory/backup-file.ts'
import type { EngineName } from '../data-directory/data-directory.ts'
import { syncDirectory } from '../data-directory/durable-files.ts'
import { storageError } from '../data-directory/storage-errors.ts'
import { chooseStorage } from '../engines.ts'
import { RaftError } from '../errors.ts'
import type { OptionCheck } from '../platform/options.ts'
import { checkString, findOptionProblems, throwOnProblems } from '../platform/options.ts'
import { checkNodeId, checkPeers } from '../runtime/options.ts'

export interface RestoreOptions {
  /** The path of a backup file, or its bytes. */
  readonly backup: string | AsyncIterable<Uint8Array>
  /** The data directory to create. It must not exist, or be empty. */
  readonly directory: string
  /** The node whose directory this is; one of `peers`. */
  readonly id: NodeId
  /** The members of the new cluster and their addresses, the same for each. */
  readonly peers: Readonly<Record<NodeId, string>>
  /** The id of the new cluster. Default: derived from the backup and the peers, so that all members get the same. */
  readonly cluster?: string | undefined
  /** What is to keep the log. Default: RocksDB if it loads, and segments otherwise. */
  readonly storage?: EngineName | undefined
}

export interface Restoration {
  readonly cluster: string
  readonly fromCluster: string
  /** The last index that the state contains. The new cluster continues after it. */
  readonly index: LogIndex
  readonly size: number
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  backup: (value) =>
    typeof value === 'string' || (typeof value === 'object' && value !== null && Symbol.asyncIterator in value)
      ? undefined
      : 'must be a path or an async iterable of bytes',
  peers: checkPeers,
  directory: checkString,
  id: checkNodeId,
  cluster: checkString,
  storage: (value) => (value === 'rocksdb' || value === 'segments' ? undefined : "must be 'rocksdb' or 'segments'"),
}

/**
 * Creates the data directory of a node with the state of a backup, in a new cluster. Call it for every member with the same backup and peers, and
 * start them. The directory appears at its path once it is complete and durable. Rejects with ERR_RAFT_CORRUPT if the backup is damaged, and with
 * ERR_RAFT_OPTIONS if the directory is in use or `id` is none of the peers. A node of the old cluster cannot join: it has another cluster id.
 *
 *     await restoreBackup({ backup: 'monday.snap', directory: './data/n1', id: 'n1', peers })
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restoration> {
  const problems = findOptionProblems(options, CHECKS)
  for (const path of ['backup', 'directory', 'id', 'peers'] as const)
    if (options[path] === undefined) problems.push({ path, problem: 'is missing' })
  if (options.peers !== undefined && !Object.hasOwn(options.peers, options.id))
    problems.push({ path: 'peers', problem: `must contain ${options.id}, the node of this directory` })
  const directory = resolve(options.directory ?? '')
  if (options.directory !== undefined && !(await isUnused(directory)))
    problems.push({ path: 'directory', problem: `must be new or empty, and ${directory} is not` })
  throwOnProblems(problems)
  const unfinished = `${directory}.restoring`
  const received = join(unfinished, 'received')
  try {
    await rm(unfinished, { recursive: true, force: true })
    await mkdir(unfinished, { recursive: true })
    const path = typeof options.backup === 'string' ? resolve(options.backup) : received
    if (typeof options.backup !== 'string') await writeFile(received, options.backup)
    const restoration = await restoreInto(join(unfinished, 'directory'), path, options)
    if (await exists(directory)) await rmdir(directory)
    await rename(join(unfinished, 'directory'), directory)
    await syncDirectory(dirname(directory))
    return restoration
  } catch (cause) {
    throw storageError(cause, `restore the data directory ${directory}`)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

async function restoreInto(
  directory: string,
  path: string,
  { id, peers, storage: engine, ...options }: RestoreOptions,
) {
  const backup = await readBackup(path)
  const cluster = options.cluster ?? clusterIdOf(backup, peers)
  if (cluster === backup.clusterId)
    throw new RaftError('ERR_RAFT_OPTIONS', `the new cluster needs another id than the old one, ${cluster}`)
  const { index, term, size } = backup.info
  const info = { ...backup.info, id: `${index}-${term}-${cluster}`, membership: bootstrapMembership(peers) }
  const { storage } = await chooseStorage(directory, engine)
  try {
    await storage.open({ clusterId: cluster, nodeId: id })
    const writer = await storage.snapshots.create(info)
    for await (const chunk of readBackupChunks(path)) await writer.write(chunk)
    await writer.finish()
    await storage.write({
      snapshot: { info, resetLog: true },
      blocks: [],
      hardState: { term, votedFor: undefined, commitIndex: index },
      isUrgent: true,
    })
  } finally {
    await storage.close()
  }
  return { cluster, fromCluster: backup.clusterId, index, size }
}

function clusterIdOf({ clusterId, info }: Backup, peers: Readonly<Record<NodeId, string>>): string {
  const members = Object.entries(peers).sort(([a], [b]) => (a < b ? -1 : 1))
  const facts = JSON.stringify([clusterId, info.index, info.term, info.chain, info.checksum, members])
  return `c-${createHash('sha256').update(facts).digest('hex').slice(0, 8)}`
}

async function isUnused(directory: string): Promise<boolean> {
  return !(await exists(directory)) || (await readdir(directory)).length === 0
}

async function exists(path: string): Promise<boolean> {
  try {
    await readdir(path)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw storageError(cause, `use ${path}`)
  }
}
