/** A backup: a snapshot with the id of its cluster, in the format of the snapshot files, so that it can be read without its cluster. */
import type { FileHandle } from 'node:fs/promises'
import type { SnapshotInfo } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { crc32 } from '../platform/checksums.ts'
import { openFile } from './open-file.ts'
import type { ParsedHeader } from './snapshot-format.ts'
import {
  CHUNK_BYTES,
  encodeFooter,
  encodeHeader,
  FRAME_HEADER_BYTES,
  frameChecksum,
  readFrames,
  readHeader,
  readSize,
} from './snapshot-format.ts'
import { corrupt, isMissing, storageError } from './storage-errors.ts'

export interface Backup {
  readonly clusterId: string
  readonly info: SnapshotInfo
}

/** The bytes of a backup file. Throws ERR_RAFT_CORRUPT at the end if the chunks are not those of the snapshot. */
export async function* encodeBackup(
  { clusterId, info }: Backup,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield encodeHeader(info, clusterId)
  let [frame, size, filled, checksum] = [0, 0, 0, 0]
  let buffer = Buffer.allocUnsafe(FRAME_HEADER_BYTES + CHUNK_BYTES)
  const complete = (): Buffer => {
    const bytes = buffer.subarray(0, FRAME_HEADER_BYTES + filled)
    bytes.writeUInt32LE(frameChecksum(bytes.subarray(FRAME_HEADER_BYTES), frame++), 0)
    buffer = Buffer.allocUnsafe(FRAME_HEADER_BYTES + CHUNK_BYTES)
    filled = 0
    return bytes
  }
  for await (const chunk of chunks) {
    size += chunk.length
    checksum = crc32(chunk, checksum)
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(chunk.length - at, CHUNK_BYTES - filled)
      buffer.set(chunk.subarray(at, at + taken), FRAME_HEADER_BYTES + filled)
      filled += taken
      at += taken
      if (filled === CHUNK_BYTES) yield complete()
    }
  }
  if (filled > 0) yield complete()
  const problem = problemOf(info, size, checksum)
  if (problem !== undefined)
    throw corrupt(`the snapshot at ${info.index} was read wrongly: ${problem}`, { index: info.index })
  yield encodeFooter(size)
}

/** Reads the description of a backup. Rejects with ERR_RAFT_CORRUPT if the file is cut off, or is no backup. */
export async function readBackup(path: string): Promise<Backup> {
  const { file, header, size } = await open(path)
  await file.close()
  const { info, clusterId = '' } = header
  return { clusterId, info: { ...info, size } }
}

/** The snapshot in a backup, verified: the iteration throws ERR_RAFT_CORRUPT at a damage. */
export async function* readBackupChunks(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { file, header, size } = await open(path)
  try {
    let checksum = 0
    for await (const chunk of readFrames(file, header, { path, size, offset: 0 })) {
      checksum = crc32(chunk, checksum)
      yield chunk
    }
    const problem = problemOf(header.info, size, checksum)
    if (problem !== undefined) throw damaged(`the backup ${path} is damaged: ${problem}`, path)
  } finally {
    await file.close()
  }
}

/** What to do about a backup that cannot be read. */
const BACKUP_HINT = 'pass the path of another backup: `quorate snapshot save` and `backUp` write them'

function damaged(what: string, path: string): RaftError {
  return new RaftError('ERR_RAFT_CORRUPT', what, { hint: BACKUP_HINT, details: { file: path } })
}

interface OpenBackup {
  readonly file: FileHandle
  readonly header: ParsedHeader
  readonly size: number
}

async function open(path: string): Promise<OpenBackup> {
  let file: FileHandle | undefined
  try {
    file = await openFile(path, 'r')
    const header = await readHeader(file)
    if ('damage' in header) throw damaged(`${path} is no backup, or is damaged: ${header.damage}`, path)
    const size = await readSize(file, header)
    if (typeof size === 'object') throw damaged(`the backup ${path} is damaged: ${size.damage}`, path)
    return { file, header, size }
  } catch (cause) {
    await file?.close()
    if (isMissing(cause))
      throw new RaftError('ERR_RAFT_OPTIONS', `there is no file ${path}`, { hint: BACKUP_HINT, cause })
    throw storageError(cause, `read the backup ${path}`, BACKUP_HINT)
  }
}

function problemOf(info: SnapshotInfo, size: number, checksum: number): string | undefined {
  if (size !== info.size) return `it has ${size} bytes instead of ${info.size}`
  if (info.checksum !== undefined && info.checksum !== checksum) return 'its bytes do not match its checksum'
  return undefined
}
