/**
 * The format of a snapshot file: u32 header length | header | frames | footer of FOOTER_BYTES. Header and footer are checksummed
 * JSON. A frame is u32 crc32 | bytes; every frame but the last has `chunkBytes`, so that an offset determines its position.
 */
import type { FileHandle } from 'node:fs/promises'
import type { SnapshotInfo } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { crc32 } from '../platform/checksums.ts'
import { decodeChecksummedJson, encodeChecksummedJson } from './checksummed-json.ts'
import { readUpTo } from './durable-files.ts'
import { corrupt } from './storage-errors.ts'

/** The bytes of the snapshot in one frame: the unit of checksums, reads and resumed writes. */
export const CHUNK_BYTES: number = 256 * 1024
export const FRAME_HEADER_BYTES = 4
/** One system call reads or writes so many: it costs two changes of threads, which take long while the processor is busy. */
export const FRAMES_PER_CALL = 4
export const FOOTER_BYTES = 64
/** A longer header counts as damaged. It contains one membership. */
const HEADER_BYTES_MAX = 4 * 1024 * 1024
const FORMAT = 1
const FILE_NAME_MAX = 200

interface Header {
  readonly format: number
  readonly chunkBytes: number
  readonly info: SnapshotInfo
  /** Only in a backup, which is not in the directory of its cluster. */
  readonly clusterId?: string
}

/** The parsed header of a snapshot file. */
export interface ParsedHeader {
  readonly info: SnapshotInfo
  readonly clusterId: string | undefined
  /** The position of the first frame. */
  readonly framesOffset: number
}

export function encodeHeader(info: SnapshotInfo, clusterId?: string): Buffer {
  const header: Header = {
    format: FORMAT,
    chunkBytes: CHUNK_BYTES,
    info,
    ...(clusterId === undefined ? {} : { clusterId }),
  }
  const encoded = encodeChecksummedJson(header)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(encoded.length)
  return Buffer.concat([length, encoded])
}

export function encodeFooter(size: number): Buffer {
  return encodeChecksummedJson({ size }, FOOTER_BYTES)
}

/** The position of a frame in the file. */
export function framePosition(header: ParsedHeader, frame: number): number {
  return header.framesOffset + frame * (FRAME_HEADER_BYTES + CHUNK_BYTES)
}

/** The checksum of a frame also covers its number, so that exchanged frames are detected. */
export function frameChecksum(bytes: Uint8Array, frame: number): number {
  return crc32(bytes, frame >>> 0)
}

/** Reads the header of a file, or returns a description of the damage. */
export async function readHeader(file: FileHandle): Promise<ParsedHeader | { readonly damage: string }> {
  const prefix = await readUpTo(file, 4, 0)
  const length = prefix.length === 4 ? prefix.readUInt32LE(0) : 0
  if (length === 0 || length > HEADER_BYTES_MAX) return { damage: 'it does not start with a snapshot header' }
  const decoded = decodeChecksummedJson<Header>(await readUpTo(file, length, 4))
  if ('damage' in decoded) return { damage: `its header is damaged: ${decoded.damage}` }
  const { format, chunkBytes, info, clusterId } = decoded.value
  if (format !== FORMAT || chunkBytes !== CHUNK_BYTES) return { damage: `unknown format ${format}` }
  return { info, clusterId, framesOffset: 4 + length }
}

/** The size of the snapshot in a complete file, or a description of the damage. */
export async function readSize(file: FileHandle, header: ParsedHeader): Promise<number | { readonly damage: string }> {
  const { size: fileBytes } = await file.stat()
  const footerOffset = fileBytes - FOOTER_BYTES
  const decoded = decodeChecksummedJson<{ size: number }>(await readUpTo(file, FOOTER_BYTES, Math.max(0, footerOffset)))
  if ('damage' in decoded) return { damage: `its end is damaged: ${decoded.damage}` }
  const { size } = decoded.value
  const frames = Math.ceil(size / CHUNK_BYTES)
  if (header.framesOffset + size + frames * FRAME_HEADER_BYTES !== footerOffset)
    return { damage: `it has ${fileBytes} bytes, which does not match its size ${size}` }
  return size
}

/** Reads and checks one frame of CHUNK_BYTES; undefined if it is damaged or incomplete. */
export async function readFrame(file: FileHandle, header: ParsedHeader, frame: number): Promise<Buffer | undefined> {
  const bytes = await readUpTo(file, FRAME_HEADER_BYTES + CHUNK_BYTES, framePosition(header, frame))
  return contentOf(bytes, { frame, length: CHUNK_BYTES })
}

/**
 * The bytes of a snapshot from `offset`, frame by frame; throws ERR_RAFT_CORRUPT at a damaged one. The next frames are read while the caller uses
 * those before them.
 */
export async function* readFrames(
  file: FileHandle,
  header: ParsedHeader,
  { path, size, offset }: { readonly path: string; readonly size: number; readonly offset: number },
): AsyncGenerator<Buffer, void, undefined> {
  if (offset >= size) return
  const read = (first: number): Promise<Buffer> => {
    const start = first * CHUNK_BYTES
    const content = Math.max(0, Math.min(FRAMES_PER_CALL * CHUNK_BYTES, size - start))
    const frames = Math.ceil(content / CHUNK_BYTES)
    const reading = readUpTo(file, content + frames * FRAME_HEADER_BYTES, framePosition(header, first))
    // Awaited below, unless the caller stops first.
    reading.catch(() => undefined)
    return reading
  }
  const begin = Math.floor(offset / CHUNK_BYTES)
  let next = read(begin)
  for (let first = begin; first * CHUNK_BYTES < size; first += FRAMES_PER_CALL) {
    const bytes = await next
    next = read(first + FRAMES_PER_CALL)
    for (let at = 0; at < FRAMES_PER_CALL && (first + at) * CHUNK_BYTES < size; at++) {
      const frame = first + at
      const start = frame * CHUNK_BYTES
      const framed = bytes.subarray(at * (FRAME_HEADER_BYTES + CHUNK_BYTES))
      const content = contentOf(framed, { frame, length: Math.min(CHUNK_BYTES, size - start) })
      if (content === undefined)
        throw corrupt(`the snapshot ${path} is damaged at byte ${start}`, { file: path, offset: start })
      yield content.subarray(Math.max(0, offset - start))
    }
  }
}

/** The content of the frame with which `bytes` begin; undefined if it is damaged or incomplete. */
function contentOf(
  bytes: Buffer,
  { frame, length }: { readonly frame: number; readonly length: number },
): Buffer | undefined {
  if (bytes.length < FRAME_HEADER_BYTES + length) return undefined
  const content = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length)
  return bytes.readUInt32LE(0) === frameChecksum(content, frame) ? content : undefined
}

/** A safe file name for any id, also for one from a peer: without separators, dots or characters that a file system may fold. */
export function fileNameOf(id: string): string {
  let name: string | undefined
  try {
    name = encodeURIComponent(id).replace(/[!'()*~.]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  } catch {
    name = undefined
  }
  if (name === undefined || name === '' || name.length > FILE_NAME_MAX)
    throw new RaftError('ERR_RAFT_BAD_MESSAGE', `a snapshot id of ${id.length} characters cannot name a file`)
  return name
}
