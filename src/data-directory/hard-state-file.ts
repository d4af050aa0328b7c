/**
 * Stores term and vote in two files that both hold the newest record with a checksum. A save completes once both are written, so
 * if one file is damaged, lost, or torn by a crash, the other holds the last saved record. Both files stay open: a process that has
 * no descriptor left can still vote.
 */
import type { FileHandle } from 'node:fs/promises'
import { readFile } from 'node:fs/promises'
import type { LogIndex, NodeId, Term } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { decodeChecksummedJson, encodeChecksummedJson } from './checksummed-json.ts'
import { replaceFile, writeAll } from './durable-files.ts'
import { openFile } from './open-file.ts'
import { corrupt, isMissing, storageError } from './storage-errors.ts'

/** The size of a file: one page of the file system, written in place. */
const FILE_BYTES = 4096

export interface HardStateRecord {
  /** Incremented by every save. */
  readonly number: number
  readonly term: Term
  readonly votedFor: NodeId | undefined
  /** May lag behind the real commit index; at most `lastIndex`. */
  readonly commitIndex: LogIndex
  /** The mark: the log was durable up to this write and entry at the time of the save. A shorter log has lost data. */
  readonly logWrite: number
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
}

/** The record of a new directory. */
export const EMPTY_RECORD: HardStateRecord = {
  number: 0,
  term: 0,
  votedFor: undefined,
  commitIndex: 0,
  logWrite: 0,
  lastIndex: 0,
  lastTerm: 0,
}

/** A file that is open for writing. */
interface OpenCopy {
  readonly path: string
  readonly file: FileHandle
}

export class HardStateFile {
  readonly #copies: readonly OpenCopy[]
  #record: HardStateRecord
  #saving: Promise<void> = Promise.resolve()

  private constructor(copies: readonly OpenCopy[], record: HardStateRecord) {
    this.#copies = copies
    this.#record = record
  }

  /** Creates both files of a new data directory. */
  static async create(paths: readonly [string, string]): Promise<void> {
    for (const path of paths) await replaceFile(path, encodeChecksummedJson(EMPTY_RECORD, FILE_BYTES))
  }

  /** The newer record of both files. Rejects with ERR_RAFT_CORRUPT if both are damaged. */
  static async read(paths: readonly [string, string]): Promise<HardStateRecord> {
    return (await readCopies(paths)).best
  }

  /** Which of the files has another record than the newer one, or is damaged, such as by a crash during a save: `open` repairs it. */
  static async staleCopy(paths: readonly [string, string]): Promise<string | undefined> {
    const { a, b, best } = await readCopies(paths)
    if (a.record?.number !== best.number) return paths[0]
    return b.record?.number === best.number ? undefined : paths[1]
  }

  /** Reads both files, uses the newer record, and repairs the other file. Rejects with ERR_RAFT_CORRUPT if both are damaged. */
  static async open(paths: readonly [string, string]): Promise<HardStateFile> {
    const { a, b, best } = await readCopies(paths)
    if (a.record?.number !== best.number) await replaceFile(paths[0], encodeChecksummedJson(best, FILE_BYTES))
    if (b.record?.number !== best.number) await replaceFile(paths[1], encodeChecksummedJson(best, FILE_BYTES))
    return new HardStateFile(await openCopies(paths), best)
  }

  get record(): HardStateRecord {
    return this.#record
  }

  /** Saves a changed record to both files, one after the other; durable once it resolves. */
  save(change: Partial<Omit<HardStateRecord, 'number'>>): Promise<void> {
    const saved = this.#saving.then(() => this.#save(change))
    this.#saving = saved.catch(() => undefined)
    return saved
  }

  /** Closes both files, after the saves that have begun. Idempotent. */
  async close(): Promise<void> {
    await this.#saving
    await closeCopies(this.#copies)
  }

  async #save(change: Partial<HardStateRecord>): Promise<void> {
    const record = { ...this.#record, ...change, number: this.#record.number + 1 }
    const bytes = encodeChecksummedJson(record, FILE_BYTES)
    if (bytes.length > FILE_BYTES)
      throw new RaftError(
        'ERR_RAFT_TOO_LARGE',
        `the node id is too long: the vote does not fit into ${FILE_BYTES} bytes`,
      )
    for (const copy of this.#copies) {
      try {
        await overwrite(copy, bytes)
      } catch (cause) {
        throw storageError(cause, `write term and vote to ${copy.path}`)
      }
    }
    this.#record = record
  }
}

async function openCopies(paths: readonly string[]): Promise<OpenCopy[]> {
  const copies: OpenCopy[] = []
  try {
    for (const path of paths) copies.push({ path, file: await openFile(path, 'r+') })
    return copies
  } catch (cause) {
    await closeCopies(copies)
    throw storageError(cause, `open term and vote in ${paths[copies.length]}`)
  }
}

async function closeCopies(copies: readonly OpenCopy[]): Promise<void> {
  for (const { file } of copies) await file.close()
}

/** Overwrites the start of a file in place. A write to a file that was deleted would succeed and be lost, so that is an error. */
async function overwrite({ file }: OpenCopy, bytes: Uint8Array): Promise<void> {
  await writeAll(file, bytes, 0)
  await file.datasync()
  if ((await file.stat()).nlink === 0) throw new Error('the file was deleted or replaced while it was in use')
}

interface Copy {
  readonly record: HardStateRecord | undefined
  readonly damage: string
}

interface Copies {
  readonly a: Copy
  readonly b: Copy
  readonly best: HardStateRecord
}

async function readCopies(paths: readonly [string, string]): Promise<Copies> {
  const [a, b] = [await readCopy(paths[0]), await readCopy(paths[1])]
  const best = newer(a.record, b.record)
  if (best === undefined)
    throw corrupt(
      `term and vote are lost: both copies are damaged (${paths[0]}: ${a.damage}; ${paths[1]}: ${b.damage})`,
      { file: paths[0], otherFile: paths[1] },
    )
  return { a, b, best }
}

async function readCopy(path: string): Promise<Copy> {
  try {
    const decoded = decodeChecksummedJson<HardStateRecord>(await readFile(path))
    if ('damage' in decoded) return { record: undefined, damage: decoded.damage }
    return { record: { ...EMPTY_RECORD, ...decoded.value }, damage: '' }
  } catch (cause) {
    if (isMissing(cause)) return { record: undefined, damage: 'it is missing' }
    throw storageError(cause, `read term and vote from ${path}`)
  }
}

function newer(a: HardStateRecord | undefined, b: HardStateRecord | undefined): HardStateRecord | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.number >= b.number ? a : b
}
