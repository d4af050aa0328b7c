/** The snapshots of one node as files in a directory: `.part` while they are written, `.snap` once they are complete. */
import type { FileHandle } from 'node:fs/promises'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { SnapshotStore, SnapshotWriter } from '../contracts/storage.ts'
import type { SnapshotInfo } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { makeDirectory, namesIn, syncDirectory } from './durable-files.ts'
import { openFile } from './open-file.ts'
import type { ParsedHeader } from './snapshot-format.ts'
import { fileNameOf, readFrames, readHeader, readSize } from './snapshot-format.ts'
import type { SnapshotPaths } from './snapshot-writer.ts'
import { SnapshotFileWriter } from './snapshot-writer.ts'
import { corrupt, isMissing, storageError } from './storage-errors.ts'

const WHOLE = '.snap'
const PARTIAL = '.part'

export class SnapshotFiles implements SnapshotStore {
  readonly #directory: string
  /** Throws unless the storage is open and has not failed. */
  readonly #assertUsable: () => void
  readonly #writers = new Map<string, SnapshotFileWriter | undefined>()
  readonly #openFiles = new Set<FileHandle>()

  constructor(directory: string, assertUsable: () => void) {
    this.#directory = directory
    this.#assertUsable = assertUsable
  }

  async create(info: SnapshotInfo): Promise<SnapshotWriter> {
    this.#assertUsable()
    const paths = this.#pathsOf(info.id)
    if (this.#writers.has(info.id))
      throw new RaftError('ERR_RAFT_INTERNAL', `snapshot ${info.id} is already being written`)
    this.#writers.set(info.id, undefined)
    try {
      await makeDirectory(this.#directory)
      const writer = await SnapshotFileWriter.begin(paths, info, () => this.#writers.delete(info.id))
      this.#writers.set(info.id, writer)
      await this.#assertStillOpen(writer)
      return writer
    } catch (cause) {
      this.#writers.delete(info.id)
      throw storageError(cause, `create the snapshot ${paths.partial}`)
    }
  }

  async *read(id: string, offset: number): AsyncGenerator<Uint8Array> {
    this.#assertUsable()
    const path = this.#pathsOf(id).whole
    const file = await openWhole(path, id)
    this.#openFiles.add(file)
    try {
      const { header, size } = await this.#readLayout(path, file)
      if (offset > size)
        throw new RaftError(
          'ERR_RAFT_BAD_MESSAGE',
          `snapshot ${id} has ${size} bytes, and offset ${offset} was requested`,
        )
      for await (const bytes of readFrames(file, header, { path, size, offset })) {
        yield bytes
        this.#assertUsable()
      }
    } catch (cause) {
      this.#assertUsable()
      throw storageError(cause, `read the snapshot ${path}`)
    } finally {
      this.#openFiles.delete(file)
      await file.close().catch(() => undefined)
    }
  }

  async list(): Promise<readonly string[]> {
    this.#assertUsable()
    const names = await this.#names()
    return names.filter((name) => name.endsWith(WHOLE)).map((name) => decodeURIComponent(name.slice(0, -WHOLE.length)))
  }

  /** Also keeps files that are being written. */
  async retain(ids: readonly string[]): Promise<void> {
    this.#assertUsable()
    // Writers before and after the names are read: one may start or end meanwhile.
    const written = [...this.#writers.keys()]
    const found = await this.#names()
    const kept = new Set(
      [...ids, ...written, ...this.#writers.keys()].flatMap((id) => [fileNameOf(id) + WHOLE, fileNameOf(id) + PARTIAL]),
    )
    const names = found.filter((name) => !kept.has(name))
    try {
      for (const name of names)
        if (name.endsWith(WHOLE) || name.endsWith(PARTIAL)) await unlink(join(this.#directory, name))
      if (names.length > 0) await syncDirectory(this.#directory)
    } catch (cause) {
      throw storageError(cause, `remove old snapshots in ${this.#directory}`)
    }
  }

  /** Checks that the file of a recorded snapshot exists and has the right size. Its frames are verified when they are read. */
  async verify(info: SnapshotInfo): Promise<void> {
    const path = this.#pathsOf(info.id).whole
    let file: FileHandle
    try {
      file = await openFile(path, 'r')
    } catch (cause) {
      if (isMissing(cause)) throw corrupt(`the snapshot ${path} is missing`, { file: path, index: info.index }, cause)
      throw storageError(cause, `open the snapshot ${path}`)
    }
    try {
      const { header } = await this.#readLayout(path, file)
      if (header.info.id !== info.id || header.info.index !== info.index || header.info.term !== info.term)
        throw corrupt(`the snapshot ${path} is not the recorded one`, { file: path, index: info.index })
    } finally {
      await file.close()
    }
  }

  /** Closes all files; partial files stay for a later attempt. */
  async close(): Promise<void> {
    for (const writer of this.#writers.values()) await writer?.suspend().catch(() => undefined)
    for (const file of this.#openFiles) await file.close().catch(() => undefined)
  }

  async #assertStillOpen(writer: SnapshotFileWriter): Promise<void> {
    try {
      this.#assertUsable()
    } catch (cause) {
      await writer.suspend()
      throw cause
    }
  }

  async #readLayout(path: string, file: FileHandle): Promise<{ readonly header: ParsedHeader; readonly size: number }> {
    const header = await readHeader(file)
    const size = 'damage' in header ? header : await readSize(file, header)
    if ('damage' in header || typeof size === 'object')
      throw corrupt(`the snapshot ${path} is damaged: ${(size as { damage: string }).damage}`, { file: path })
    return { header, size }
  }

  async #names(): Promise<string[]> {
    try {
      return await namesIn(this.#directory)
    } catch (cause) {
      throw storageError(cause, `list the snapshots in ${this.#directory}`)
    }
  }

  #pathsOf(id: string): SnapshotPaths {
    const name = fileNameOf(id)
    return {
      directory: this.#directory,
      partial: join(this.#directory, name + PARTIAL),
      whole: join(this.#directory, name + WHOLE),
    }
  }
}

async function openWhole(path: string, id: string): Promise<FileHandle> {
  try {
    return await openFile(path, 'r')
  } catch (cause) {
    if (!isMissing(cause)) throw storageError(cause, `open the snapshot ${path}`)
    throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', `snapshot ${id} no longer exists`, { cause })
  }
}
