/** Opens a data directory: checks its identity, takes the lock, initializes a new directory, and verifies an existing one. */
import type { BootHistory, StorageIdentity } from '../contracts/storage.ts'
import type { SnapshotInfo } from '../core/types.ts'
import type { BlockHeader } from '../log-format/block-list.ts'
import { assertUsable, beginBoot, createBoots } from './boots-file.ts'
import type { DataDirectory, DirectoryIdentity, EngineName } from './data-directory.ts'
import { makeDirectory, namesIn } from './durable-files.ts'
import { HardStateFile } from './hard-state-file.ts'
import type { EngineFiles, OpenedLog } from './log-engine.ts'
import { removeOwner, writeOwner } from './owner-file.ts'
import { corrupt, storageError } from './storage-errors.ts'

export interface OpenOptions<Head extends BlockHeader> {
  readonly engine: EngineName
  /** Opens the files of the log and locks the directory. With `mustExist`, they must exist. */
  readonly openFiles: (mustExist: boolean) => Promise<EngineFiles<Head>>
  readonly verifySnapshot: (info: SnapshotInfo) => Promise<void>
}

export interface OpenedDirectory<Head extends BlockHeader> extends OpenedLog<Head> {
  readonly identity: DirectoryIdentity
  readonly boot: BootHistory
  readonly files: EngineFiles<Head>
  readonly hardState: HardStateFile
}

/** Rejects before anything is changed if possible; otherwise it leaves the directory closed and unlocked. */
export async function openDirectory<Head extends BlockHeader>(
  directory: DataDirectory,
  expected: StorageIdentity,
  { engine, openFiles, verifySnapshot }: OpenOptions<Head>,
): Promise<OpenedDirectory<Head>> {
  await directory.prepare()
  const existing = await directory.readIdentity(expected, engine)
  await assertUsable(directory, expected.nodeId)
  const files = await openFiles(existing !== undefined)
  let hardState: HardStateFile | undefined
  try {
    const identity =
      (await directory.readIdentity(expected, engine)) ??
      (await initializeDirectory(directory, expected, { engine, files }))
    await writeOwner(directory.owner, expected.nodeId)
    hardState = await HardStateFile.open(directory.hardState)
    const opened = await files.recover(hardState.record)
    if (opened.snapshot !== undefined) await verifySnapshot(opened.snapshot)
    const boot = await beginBoot(directory, identity)
    return { ...opened, identity, boot, files, hardState }
  } catch (cause) {
    await hardState?.close().catch(() => undefined)
    await removeOwner(directory.owner).catch(() => undefined)
    await files.close().catch(() => undefined)
    throw storageError(cause, `open the data directory ${directory.path}`)
  }
}

/** Initializes a directory, IDENTITY last. The directory must be empty, or left by an interrupted initialization. */
async function initializeDirectory<Head extends BlockHeader>(
  directory: DataDirectory,
  expected: StorageIdentity,
  { engine, files }: { readonly engine: EngineName; readonly files: EngineFiles<Head> },
): Promise<DirectoryIdentity> {
  await assertUnused(directory, files)
  const identity = await directory.beginIdentity(expected, engine)
  await HardStateFile.create(directory.hardState)
  await createBoots(directory)
  await makeDirectory(directory.snapshots)
  await files.initialize()
  await directory.finishIdentity()
  return identity
}

async function assertUnused<Head extends BlockHeader>(
  directory: DataDirectory,
  files: EngineFiles<Head>,
): Promise<void> {
  const names = await namesIn(directory.path)
  const isUnfinished = names.includes('IDENTITY.new')
  const isUsed = names.some((name) => name.startsWith('hard-state-') || name === 'snapshots' || name === 'BOOTS')
  if ((isUnfinished || !isUsed) && (await files.isUnused(isUnfinished))) return
  throw corrupt(`the data directory ${directory.path} has lost its file IDENTITY`, { file: directory.identity })
}
