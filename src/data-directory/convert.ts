/**
 * Moves the log of a stopped node from one engine to the other. The new files are written beside the old ones and compared with them; then
 * IDENTITY is replaced, which is the one moment at which the directory changes its engine. Everything else of the directory stays as it is.
 */
import { readFile, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { EncodedBlock } from '../contracts/encoded-block.ts'
import { RaftError } from '../errors.ts'
import type { BlockHeader } from '../log-format/block-list.ts'
import { BlockList, headerOf } from '../log-format/block-list.ts'
import { assertUsable } from './boots-file.ts'
import type { DataDirectory, DirectoryIdentity, EngineName } from './data-directory.ts'
import { ENGINE_TITLES } from './data-directory.ts'
import { namesIn, syncDirectory } from './durable-files.ts'
import type { HardStateRecord } from './hard-state-file.ts'
import { EMPTY_RECORD, HardStateFile } from './hard-state-file.ts'
import type { EngineFiles, OpenEngine, OpenedLog } from './log-engine.ts'
import { removeOwner, writeOwner } from './owner-file.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import { isMissing, storageError } from './storage-errors.ts'
import { readBlocks } from './stored-blocks.ts'

export interface ConvertOptions {
  readonly to: EngineName
  readonly engines: Readonly<Record<EngineName, OpenEngine>>
  /** Keeps the old files under another name. */
  readonly keepsOld: boolean
  /** Called with the bytes of blocks copied and compared so far, and the sum of both at the end. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

export interface Conversion {
  readonly nodeId: string
  readonly from: EngineName
  readonly to: EngineName
  /** False if the log was kept in this engine already. */
  readonly isChanged: boolean
  readonly entries: number
  readonly blocks: number
  readonly bytes: number
  readonly snapshots: number
  /** Where the old files are, if they were kept. */
  readonly kept: string | undefined
  /** Whether old files were removed. */
  readonly hasRemoved: boolean
}

/**
 * Rejects with ERR_RAFT_DATA_DIR_LOCKED if a node uses the directory. After a crash or an error the directory is whole, with the old or the
 * new engine; the same call removes what is left over.
 */
export async function convertDirectory(directory: DataDirectory, options: ConvertOptions): Promise<Conversion> {
  const { engine, nodeId } = await directory.requireIdentity()
  await assertUsable(directory, nodeId)
  const other: EngineName = options.to === 'rocksdb' ? 'segments' : 'rocksdb'
  const kept = `${locationOf(directory, other)}.kept`
  // An interrupted conversion may have kept them already.
  if (options.keepsOld && (await exists(locationOf(directory, other))) && (await exists(kept)))
    throw new RaftError('ERR_RAFT_OPTIONS', `${kept} exists: an earlier conversion has kept its files there`, {
      hint: 'move or remove it first, or do not keep the old files; nothing was changed',
      details: { path: kept },
    })
  const files = await options.engines[engine](directory, true)
  let converted: Converted | undefined
  try {
    const identity = await directory.requireIdentity()
    if (identity.engine !== engine)
      throw new RaftError('ERR_RAFT_DATA_DIR_LOCKED', `the data directory ${directory.path} was converted meanwhile`)
    await writeOwner(directory.owner, nodeId)
    if (engine !== options.to) converted = await new Converter(directory, identity, files, options).run()
    // The new files stay open, and so locked, until the end.
    if (converted !== undefined) await files.close()
    const hasOld = await exists(locationOf(directory, other))
    if (hasOld) await putAway(directory, other, options.keepsOld ? kept : undefined)
    return {
      ...{ nodeId, from: other, to: options.to, isChanged: converted !== undefined },
      ...(converted?.totals ?? { entries: 0, blocks: 0, bytes: 0, snapshots: 0 }),
      kept: hasOld && options.keepsOld ? kept : undefined,
      hasRemoved: hasOld && !options.keepsOld,
    }
  } catch (cause) {
    throw withHint(storageError(cause, `convert the data directory ${directory.path}`))
  } finally {
    await removeOwner(directory.owner).catch(() => undefined)
    await (converted?.files ?? files).close()
  }
}

/** The hint of a full disk is for a node. */
function withHint(error: RaftError): RaftError {
  const { code, message, details, cause } = error
  if (code !== 'ERR_RAFT_NO_SPACE') return error
  return new RaftError(code, message, { hint: 'free disk space, then convert again; no data is lost', details, cause })
}

type Totals = Pick<Conversion, 'entries' | 'blocks' | 'bytes' | 'snapshots'>

interface Converted {
  readonly totals: Totals
  /** The new files, open. */
  readonly files: EngineFiles<BlockHeader>
}

class Converter {
  readonly #directory: DataDirectory
  readonly #identity: DirectoryIdentity
  readonly #files: EngineFiles<BlockHeader>
  readonly #options: ConvertOptions
  readonly #old: string
  readonly #new: string
  #doneBytes = 0
  #totalBytes = 0

  constructor(
    directory: DataDirectory,
    identity: DirectoryIdentity,
    files: EngineFiles<BlockHeader>,
    options: ConvertOptions,
  ) {
    this.#directory = directory
    this.#identity = identity
    this.#files = files
    this.#options = options
    this.#old = locationOf(directory, identity.engine)
    this.#new = locationOf(directory, options.to)
  }

  async run(): Promise<Converted> {
    const hardState = await HardStateFile.open(this.#directory.hardState)
    let files: EngineFiles<BlockHeader> | undefined
    try {
      const before = await this.#otherFiles()
      const old = await this.#files.recover(hardState.record)
      const snapshots = await this.#verifySnapshots(old)
      const { blocks, last, base } = old.log
      const bytes = blocks.reduce((sum, { size }) => sum + size, 0)
      this.#totalBytes = 2 * bytes
      await removeTree(this.#new)
      const write = await this.#copy(old, hardState.record)
      files = await this.#options.engines[this.#options.to](this.#directory, true)
      await this.#compare(old, await files.recover(hardState.record), hardState.record)
      if ((await this.#otherFiles()) !== before) throw differs('a file of the directory changed meanwhile')
      await syncDirectory(this.#directory.path)
      await this.#directory.changeEngine(this.#identity, this.#options.to)
      await hardState.save({ logWrite: write, lastIndex: last.index, lastTerm: last.term })
      return { totals: { entries: last.index - base.index, blocks: blocks.length, bytes, snapshots }, files }
    } catch (cause) {
      await files?.close().catch(() => undefined)
      if ((await this.#directory.engine().catch(() => undefined)) === this.#identity.engine)
        await removeTree(this.#new).catch(() => undefined)
      throw cause
    } finally {
      await hardState.close()
    }
  }

  /** Returns the number of the last write. */
  async #copy(old: OpenedLog<BlockHeader>, hardState: HardStateRecord): Promise<number> {
    const files = await this.#options.engines[this.#options.to](this.#directory, false)
    try {
      await files.initialize()
      const { engine } = await files.recover(EMPTY_RECORD)
      const copy = new BlockList<BlockHeader>(old.log.base)
      // The mark in the hard-state files counts writes, so the new log continues to count.
      let number = Math.max(old.write, hardState.logWrite)
      do {
        const at = copy.blocks.length
        const blocks = await readBlocks(old, this.#old, at)
        const end = blocks.at(-1)
        const last = end === undefined ? copy.last : { index: end.first + end.count - 1, term: end.term }
        const change = { keepFrom: 0, keepTo: at, dropFrom: at, append: blocks, base: copy.base, last }
        const snapshot = at === 0 && old.snapshot !== undefined ? { info: old.snapshot, resetLog: false } : undefined
        const commitIndex = Math.min(commitIndexOf(old, hardState), last.index)
        const write = { blocks, snapshot, isUrgent: true }
        number++
        const append = await engine.write(copy, { number, write, change, commitIndex, snapshot: old.snapshot })
        copy.apply(change, append)
        this.#progress(blocks)
      } while (copy.blocks.length < old.log.blocks.length)
      return number
    } finally {
      await files.close()
    }
  }

  /** Compares the new log, as a node would open it, with the old one: all blocks, byte by byte. */
  async #compare(old: OpenedLog<BlockHeader>, copy: OpenedLog<BlockHeader>, hardState: HardStateRecord): Promise<void> {
    assertSame('its ends', endsOf(copy), endsOf(old))
    assertSame('the newest snapshot', copy.snapshot, old.snapshot)
    assertSame('the commit index', copy.commitIndex, commitIndexOf(old, hardState))
    for (let at = 0; at < old.log.blocks.length; ) {
      const wanted = await readBlocks(old, this.#old, at)
      const found = await readBlocks(copy, this.#new, at, wanted.length)
      for (const [offset, block] of wanted.entries()) {
        const other = found[offset] as EncodedBlock
        assertSame(`the block at ${block.first}`, headerOf(other), headerOf(block))
        if (Buffer.compare(other.bytes, block.bytes) !== 0) throw differs(`the block at ${block.first}`)
      }
      at += wanted.length
      this.#progress(wanted)
    }
  }

  /** The contents of what a conversion does not change. */
  async #otherFiles(): Promise<string> {
    const { identity, boots, hardState } = this.#directory
    const contents = [identity, boots, ...hardState].map((path) => readFile(path, 'latin1').catch(orMissing))
    return JSON.stringify(await Promise.all(contents))
  }

  /** Reads all snapshots to their ends; returns how many there are. */
  async #verifySnapshots({ snapshot }: OpenedLog<BlockHeader>): Promise<number> {
    const files = new SnapshotFiles(this.#directory.snapshots, () => undefined)
    if (snapshot !== undefined) await files.verify(snapshot)
    const ids = await files.list()
    for (const id of ids) for await (const _ of files.read(id, 0));
    return ids.length
  }

  #progress(blocks: readonly EncodedBlock[]): void {
    for (const { size } of blocks) this.#doneBytes += size
    this.#options.onProgress?.(this.#doneBytes, this.#totalBytes)
  }
}

function locationOf(directory: DataDirectory, engine: EngineName): string {
  return engine === 'rocksdb' ? directory.log : directory.segments
}

function commitIndexOf({ commitIndex, log }: OpenedLog<BlockHeader>, hardState: HardStateRecord): number {
  return Math.min(Math.max(commitIndex, hardState.commitIndex), log.last.index)
}

function endsOf({ log: { base, last, blocks } }: OpenedLog<BlockHeader>): unknown {
  return { base, last, blocks: blocks.length }
}

function assertSame(what: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw differs(what)
}

function differs(what: string): RaftError {
  return new RaftError('ERR_RAFT_STORAGE', `the copy differs from the log: ${what}; the directory is as it was`, {
    hint: 'check the disk, and that no process uses the directory, before you try again',
  })
}

/** Removes the files of the engine that the directory no longer has, or renames them to `kept`. */
async function putAway(directory: DataDirectory, engine: EngineName, kept: string | undefined): Promise<void> {
  const location = locationOf(directory, engine)
  try {
    if (kept === undefined) await removeTree(location)
    else await rename(location, kept)
    await syncDirectory(directory.path)
  } catch (cause) {
    throw new RaftError(
      'ERR_RAFT_STORAGE',
      `the log is converted, but the old files in ${location} could not be put away: ${(cause as Error).message}`,
      {
        hint: `the node may start; convert to the same storage again to remove what is left of ${ENGINE_TITLES[engine]}`,
        cause,
      },
    )
  }
}

async function removeTree(path: string): Promise<void> {
  for (const name of await namesIn(path)) await unlink(join(path, name))
  await rmdir(path).catch(orMissing)
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(orMissing)) !== undefined
}

function orMissing(cause: unknown): undefined {
  if (!isMissing(cause)) throw cause
}
