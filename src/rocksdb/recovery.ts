/** Opens a data directory: checks its identity, takes the lock, initializes a new directory, and verifies an existing one. */
import type { BootHistory, StorageIdentity } from '../contracts/storage.ts'
import type { SnapshotInfo } from '../core/types.ts'
import type { Binding } from './binding.ts'
import { assertUsable, beginBoot, createBoots } from './boots-file.ts'
import { encodeChecksummedJson } from './checksummed-json.ts'
import type { DataDirectory, DirectoryIdentity } from './data-directory.ts'
import { Database } from './database.ts'
import { makeDirectory, namesIn } from './durable-files.ts'
import { HardStateFile } from './hard-state-file.ts'
import { blockRange, SUMMARY_KEY } from './log-keys.ts'
import type { VerifiedLog } from './log-summary.ts'
import { EMPTY_SUMMARY, verifyLog } from './log-summary.ts'
import { lockedError, removeOwner, writeOwner } from './owner-file.ts'
import { corrupt, isLockError, storageError } from './storage-errors.ts'

export interface OpenOptions {
  readonly binding: Binding
  readonly writeBufferBytes: number
  readonly cacheBytes: number
  readonly verifySnapshot: (info: SnapshotInfo) => Promise<void>
}

export interface OpenedDirectory extends VerifiedLog {
  readonly identity: DirectoryIdentity
  readonly boot: BootHistory
  readonly database: Database
  readonly hardState: HardStateFile
}

/** Rejects before anything is changed if possible; otherwise it leaves the directory closed and unlocked. */
export async function openDirectory(
  directory: DataDirectory,
  expected: StorageIdentity,
  options: OpenOptions,
): Promise<OpenedDirectory> {
  await directory.prepare()
  const existing = await directory.readIdentity(expected)
  await assertUsable(directory)
  const database = await openDatabase(directory, options, existing !== undefined)
  try {
    const identity =
      (await directory.readIdentity(expected)) ?? (await initializeDirectory(directory, expected, database))
    await writeOwner(directory.owner, expected.nodeId)
    const hardState = await HardStateFile.open(directory.hardState)
    const verified = await verifyLog(database, directory.log, hardState.record)
    if (verified.snapshot !== undefined) await options.verifySnapshot(verified.snapshot)
    const boot = await beginBoot(directory, identity)
    return { ...verified, identity, boot, database, hardState }
  } catch (cause) {
    await removeOwner(directory.owner).catch(() => undefined)
    await database.close().catch(() => undefined)
    throw storageError(cause, `open the data directory ${directory.path}`)
  }
}

async function openDatabase(directory: DataDirectory, options: OpenOptions, mustExist: boolean): Promise<Database> {
  try {
    return await Database.open(options.binding, directory.log, { ...options, createIfMissing: !mustExist })
  } catch (cause) {
    if (isLockError(cause)) throw await lockedError(directory.path, directory.owner, cause)
    const mapped = storageError(cause, `open the log in ${directory.log}`)
    if (mapped.code !== 'ERR_RAFT_STORAGE' || !mustExist) throw mapped
    throw corrupt(
      `the log in ${directory.log} cannot be opened: ${(cause as Error).message}`,
      { file: directory.log },
      cause,
    )
  }
}

/** Initializes a directory, IDENTITY last. The directory must be empty, or left by an interrupted initialization. */
async function initializeDirectory(
  directory: DataDirectory,
  expected: StorageIdentity,
  database: Database,
): Promise<DirectoryIdentity> {
  await assertUnused(directory, database)
  const identity = await directory.beginIdentity(expected)
  await HardStateFile.create(directory.hardState)
  await createBoots(directory)
  await makeDirectory(directory.snapshots)
  await database.write((batch) => batch.put(SUMMARY_KEY, encodeChecksummedJson(EMPTY_SUMMARY)), true)
  await directory.finishIdentity()
  return identity
}

async function assertUnused(directory: DataDirectory, database: Database): Promise<void> {
  const names = await namesIn(directory.path)
  const isUnfinished = names.includes('IDENTITY.new')
  const isUsed = names.some((name) => name.startsWith('hard-state-') || name === 'snapshots' || name === 'BOOTS')
  const [summary] = await database.getMany([SUMMARY_KEY])
  let hasBlocks = false
  for await (const _ of database.entries(blockRange(0))) {
    hasBlocks = true
    break
  }
  if (!hasBlocks && (isUnfinished || !(isUsed || summary !== undefined))) return
  throw corrupt(`the data directory ${directory.path} has lost its file IDENTITY`, { file: directory.identity })
}
