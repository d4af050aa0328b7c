/** What the data directory of a stopped node contains, and whether it is whole. Changes nothing that a start of the node would not change. */
import { chainProblem } from '../core/log/chain.ts'
import type { BlockKind, HardState, LogIndex, Membership, SnapshotInfo, Term } from '../core/types.ts'
import type { ErrorCode, RaftError } from '../errors.ts'
import { payloadsOf } from '../log-format/block.ts'
import type { BlockHeader } from '../log-format/block-list.ts'
import { crc32 } from '../platform/checksums.ts'
import { assertUsable, readBoot } from './boots-file.ts'
import type { DataDirectory, DirectoryIdentity, EngineName } from './data-directory.ts'
import type { HardStateRecord } from './hard-state-file.ts'
import { HardStateFile } from './hard-state-file.ts'
import type { EngineFiles, OpenEngine, OpenedLog } from './log-engine.ts'
import { removeOwner, writeOwner } from './owner-file.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import { corrupt, storageError } from './storage-errors.ts'
import { readBlocks } from './stored-blocks.ts'

export type Engines = Readonly<Record<EngineName, OpenEngine>>

export interface DirectoryReport {
  readonly path: string
  readonly nodeId: string
  readonly clusterId: string
  /** The cluster that a recovery was to replace, if it was interrupted: until it is repeated, the node starts no leader. */
  readonly interruptedRecoveryOf: string | undefined
  readonly directoryId: string
  readonly engine: EngineName
  /** How often it was opened. */
  readonly boots: number | undefined
  /** Term, vote, and the commit index, which may lag behind the real one. Undefined if they are lost. */
  readonly hardState: HardState | undefined
  /** The one of the two files with term and vote that a start of the node repairs from the other. */
  readonly staleHardStateCopy: string | undefined
  /** Undefined if it cannot be read. */
  readonly log: LogSummary | undefined
  /** The snapshot that the log continues. */
  readonly snapshot: SnapshotInfo | undefined
  /** The newest membership of the log, committed or not, and the index of its entry; that of the snapshot if the log has none. */
  readonly membership: Membership | undefined
  readonly membershipIndex: LogIndex | undefined
  /** Whether every byte was read and compared with its checksum. */
  readonly isVerified: boolean
  /** Empty if the directory is whole. */
  readonly problems: readonly DirectoryProblem[]
}

export interface LogSummary {
  /** The index of its first entry. */
  readonly firstIndex: LogIndex
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  /** Entries up to here are known to be committed. */
  readonly commitIndex: LogIndex
  readonly entries: number
  readonly blocks: number
  readonly bytes: number
}

export interface DirectoryProblem {
  readonly part: 'use' | 'boots' | 'term and vote' | 'log' | 'snapshot'
  readonly code: ErrorCode
  readonly message: string
  /** Of a damaged log: `firstBadIndex`, `lastGoodIndex` and more. */
  readonly details: RaftError['details']
}

export interface InspectOptions {
  readonly engines: Engines
  /** Reads every byte. */
  readonly verifies: boolean
  /** Called with the bytes of blocks and snapshots read so far, and their sum. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

/** Rejects if it is no data directory, its IDENTITY is damaged, or a node uses it; all other damage is a problem of the report. */
export async function inspectDirectory(directory: DataDirectory, options: InspectOptions): Promise<DirectoryReport> {
  const identity = await directory.requireIdentity()
  const problems: DirectoryProblem[] = []
  const attempt = async <Value>(part: DirectoryProblem['part'], work: () => Promise<Value>) => {
    try {
      return await work()
    } catch (cause) {
      const { code, message, details } = storageError(cause, `inspect the data directory ${directory.path}`)
      problems.push({ part, code, message, details })
      return undefined
    }
  }
  await attempt('use', () => assertUsable(directory, identity.nodeId))
  const boot = await attempt('boots', () => readBoot(directory, identity))
  const hardState = await attempt('term and vote', () => HardStateFile.read(directory.hardState))
  const staleHardStateCopy = hardState && (await HardStateFile.staleCopy(directory.hardState))
  return withLocked(directory, identity, options.engines, async (files) => {
    // Without term and vote, the log cannot be judged.
    const opened = hardState && (await attempt('log', () => files.recover(hardState)))
    if (opened !== undefined && options.verifies) {
      const progress = progressOf(opened, options)
      await attempt('log', () => verifyLog(opened, directory, progress))
      await attempt('snapshot', () => verifySnapshots(opened, directory, progress))
    } else if (opened?.snapshot !== undefined) {
      const { snapshot } = opened
      await attempt('snapshot', () => snapshotsOf(directory).verify(snapshot))
    }
    const found = membershipOf(opened)
    return {
      ...{ path: directory.path, nodeId: identity.nodeId, clusterId: identity.clusterId },
      interruptedRecoveryOf: found.membership && interruptedRecoveryOf(identity, found.membership),
      ...{ directoryId: identity.directoryId, engine: identity.engine, boots: boot?.number },
      hardState: hardState && { ...pickHardState(hardState) },
      staleHardStateCopy,
      log: opened && hardState && summaryOf(opened, hardState),
      snapshot: opened?.snapshot,
      ...found,
      isVerified: options.verifies,
      problems,
    }
  })
}

/** One entry of a log. */
export interface StoredEntry {
  readonly index: LogIndex
  readonly term: Term
  readonly kind: BlockKind
  /** An encoded command; the JSON of a membership; empty for a no-op. */
  readonly bytes: Uint8Array
}

/** The entries from `from` to `to`, in order. Rejects with ERR_RAFT_CORRUPT, before the first one or at a damaged one. */
export async function* readEntries(
  directory: DataDirectory,
  engines: Engines,
  { from, to }: { readonly from: LogIndex; readonly to: LogIndex },
): AsyncGenerator<StoredEntry, void, undefined> {
  const identity = await directory.requireIdentity()
  const files = await lock(directory, identity, engines)
  try {
    const opened = await files.recover(await HardStateFile.read(directory.hardState))
    const { blocks } = opened.log
    let at = blocks.findIndex(({ first, count }) => first + count > from)
    while (at >= 0 && at < blocks.length && (blocks[at] as BlockHeader).first <= to) {
      const read = await readBlocks(opened, directory.path, at)
      for (const block of read)
        for (const [offset, bytes] of payloadsOf(block).entries()) {
          const index = block.first + offset
          if (index >= from && index <= to) yield { index, term: block.term, kind: block.kind, bytes }
        }
      at += read.length
    }
  } catch (cause) {
    throw storageError(cause, `read the log in ${directory.path}`)
  } finally {
    await unlock(directory, files)
  }
}

async function withLocked<Value>(
  directory: DataDirectory,
  identity: DirectoryIdentity,
  engines: Engines,
  work: (files: EngineFiles<BlockHeader>) => Promise<Value>,
): Promise<Value> {
  const files = await lock(directory, identity, engines)
  try {
    return await work(files)
  } finally {
    await unlock(directory, files)
  }
}

async function lock(
  directory: DataDirectory,
  { engine, nodeId }: DirectoryIdentity,
  engines: Engines,
): Promise<EngineFiles<BlockHeader>> {
  const files = await engines[engine](directory, true)
  await writeOwner(directory.owner, nodeId)
  return files
}

async function unlock(directory: DataDirectory, files: EngineFiles<BlockHeader>): Promise<void> {
  await removeOwner(directory.owner).catch(() => undefined)
  await files.close()
}

type Progress = (bytes: number) => void

function progressOf({ log, snapshot }: OpenedLog<BlockHeader>, { onProgress }: InspectOptions): Progress {
  const totalBytes = log.blocks.reduce((sum, { size }) => sum + size, 0) + (snapshot?.size ?? 0)
  let doneBytes = 0
  return (bytes) => {
    doneBytes += bytes
    onProgress?.(doneBytes, Math.max(totalBytes, doneBytes))
  }
}

/** Reads all blocks, and follows the hash chain through them. */
async function verifyLog(opened: OpenedLog<BlockHeader>, directory: DataDirectory, progress: Progress): Promise<void> {
  const { blocks } = opened.log
  for (let at = 0; at < blocks.length; ) {
    const read = await readBlocks(opened, directory.path, at)
    at += read.length
    progress(read.reduce((sum, { size }) => sum + size, 0))
  }
  const problem = chainProblem(opened.snapshot, blocks)
  if (problem !== undefined) throw corrupt(`the log and the snapshot do not belong together: ${problem}`, {})
}

/** Reads all snapshots to their ends. */
async function verifySnapshots(
  { snapshot }: OpenedLog<BlockHeader>,
  directory: DataDirectory,
  progress: Progress,
): Promise<void> {
  const files = snapshotsOf(directory)
  if (snapshot !== undefined) await files.verify(snapshot)
  for (const id of await files.list()) {
    let checksum = 0
    for await (const chunk of files.read(id, 0)) {
      checksum = crc32(chunk, checksum)
      progress(chunk.length)
    }
    if (id === snapshot?.id && snapshot.checksum !== undefined && snapshot.checksum !== checksum)
      throw corrupt(`the snapshot ${id} does not match its checksum`, { index: snapshot.index })
  }
}

function snapshotsOf(directory: DataDirectory): SnapshotFiles {
  return new SnapshotFiles(directory.snapshots, () => undefined)
}

function pickHardState({ term, votedFor, commitIndex }: HardStateRecord): HardState {
  return { term, votedFor, commitIndex }
}

function summaryOf({ log, commitIndex }: OpenedLog<BlockHeader>, hardState: HardStateRecord): LogSummary {
  const { base, last, blocks } = log
  return {
    ...{ firstIndex: base.index + 1, lastIndex: last.index, lastTerm: last.term },
    commitIndex: Math.min(Math.max(commitIndex, hardState.commitIndex), last.index),
    ...{ entries: last.index - base.index, blocks: blocks.length },
    bytes: blocks.reduce((sum, { size }) => sum + size, 0),
  }
}

/** A recovery replaces the id of the directory first, and then writes a membership with it. */
function interruptedRecoveryOf(identity: DirectoryIdentity, { members }: Membership): string | undefined {
  const { nodeId, directoryId, replacedClusterId } = identity
  const own = members.find(({ id }) => id === nodeId)
  return own === undefined || own.directoryId === directoryId ? undefined : replacedClusterId
}

function membershipOf(
  opened: OpenedLog<BlockHeader> | undefined,
): Pick<DirectoryReport, 'membership' | 'membershipIndex'> {
  const block = opened?.log.blocks.findLast(({ membership }) => membership !== undefined)
  if (block !== undefined) return { membership: block.membership, membershipIndex: block.first }
  return { membership: opened?.snapshot?.membership, membershipIndex: opened?.snapshot?.index }
}
