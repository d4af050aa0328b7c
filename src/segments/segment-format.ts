/**
 * The layout of a segment file, little-endian. One page holds the header:
 * u32 magic | u32 crc32 of what follows | u32 version | u32 salt | f64 sequence | zeros.
 * Then frames follow, one per write, each at a multiple of 8 bytes:
 * u32 magic | u32 salt | u32 crc32 of what follows | u32 length of the body | u32 length of the JSON | u32 flags | u32 crc32 of the frame before |
 * u32 number of blocks | f64 each: number, base index, base term, index and term before the blocks, commit index, last index, last term |
 * u32 size of each block | JSON (the newest snapshot) | blocks.
 * What follows the last frame is zeros or what the file contained in an earlier use: it has another salt.
 */
import type { EntryId, LogIndex, SnapshotInfo } from '../core/types.ts'
import { crc32 } from '../platform/checksums.ts'

const SEGMENT_MAGIC = 0x31475351 // 'QSG1'
const FRAME_MAGIC = 0x31524651 // 'QFR1'
const VERSION = 1

/** The frames start after this many bytes, so that no write of a frame touches the header's page. */
export const SEGMENT_HEADER_BYTES = 4096
export const FRAME_HEADER_BYTES = 96
/** Frames start at multiples of this. */
export const ALIGNMENT = 8
const FLAG_RESET = 1
/** More than any write: a length above it is damage, and is not allocated. */
export const FRAME_BYTES_MAX: number = 2 ** 31 - 1

export interface SegmentHeader {
  /** Segments are numbered from 1 without gaps. */
  readonly sequence: number
  /** Random for each use of the file: frames of an earlier use are not mistaken for its own. */
  readonly salt: number
}

/** What one write changed, and the whole log in numbers after it. */
export interface FrameHeader {
  /** The number of the write; the next frame has the next one. */
  readonly number: number
  /** The entry before the first block of the log. */
  readonly base: EntryId
  /** The entry before the blocks of this frame; blocks that started after it are dropped. */
  readonly before: EntryId
  /** The last entry. */
  readonly last: EntryId
  readonly commitIndex: LogIndex
  /** Whether all earlier blocks are dropped. */
  readonly isReset: boolean
  /** The newest snapshot. Present if this write changed it, and in the first frame of a segment. */
  readonly snapshot: SnapshotInfo | undefined
}

export interface Frame extends FrameHeader {
  readonly checksum: number
  /** The checksum of the frame before; 0 in the first. */
  readonly checksumBefore: number
  /** The bytes of the file that it occupies, with padding. */
  readonly length: number
  /** Where each block is, from the start of the frame. */
  readonly blocks: readonly { readonly at: number; readonly size: number }[]
}

export function encodeSegmentHeader({ sequence, salt }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  bytes.writeUInt32LE(SEGMENT_MAGIC, 0)
  bytes.writeUInt32LE(VERSION, 8)
  bytes.writeUInt32LE(salt, 12)
  bytes.writeDoubleLE(sequence, 16)
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4)
  return bytes
}

export function parseSegmentHeader(bytes: Buffer): SegmentHeader | { readonly damage: string } {
  if (bytes.length < SEGMENT_HEADER_BYTES) return { damage: `its header has ${bytes.length} bytes` }
  if (bytes.readUInt32LE(0) !== SEGMENT_MAGIC) return { damage: 'it does not begin like a segment' }
  if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8, SEGMENT_HEADER_BYTES)))
    return { damage: 'the checksum of its header does not match' }
  const version = bytes.readUInt32LE(8)
  if (version !== VERSION) return { damage: `it has version ${version}, and this version of quorate reads ${VERSION}` }
  return { sequence: bytes.readDoubleLE(16), salt: bytes.readUInt32LE(12) }
}

/** The bytes of a frame, in parts to be written one after the other, and where each block is from its start. */
export interface EncodedFrame {
  readonly parts: readonly Uint8Array[]
  readonly length: number
  readonly checksum: number
  readonly positions: readonly number[]
}

/** The length of a frame with these parts. */
export function frameLength(blocks: readonly { readonly size: number }[], snapshot: SnapshotInfo | undefined): number {
  let length = FRAME_HEADER_BYTES + 4 * blocks.length + (encodeSnapshot(snapshot)?.length ?? 0)
  for (const { size } of blocks) length += size
  return aligned(length)
}

const PADDING: Buffer = Buffer.alloc(ALIGNMENT)
const encodedSnapshots = new WeakMap<SnapshotInfo, Buffer>()

function encodeSnapshot(snapshot: SnapshotInfo | undefined): Buffer | undefined {
  if (snapshot === undefined) return undefined
  const known = encodedSnapshots.get(snapshot) ?? Buffer.from(JSON.stringify(snapshot))
  encodedSnapshots.set(snapshot, known)
  return known
}

/** `checksumBefore` is the checksum of the frame before; 0 if it is the first. */
export function encodeFrame(
  header: FrameHeader,
  blocks: readonly { readonly size: number; readonly bytes: Uint8Array }[],
  { salt, checksumBefore }: { readonly salt: number; readonly checksumBefore: number },
): EncodedFrame {
  const json = encodeSnapshot(header.snapshot)
  const jsonBytes = json?.length ?? 0
  const length = frameLength(blocks, header.snapshot)
  const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES + 4 * blocks.length + jsonBytes)
  const positions: number[] = []
  let position = head.length
  for (let offset = 0; offset < blocks.length; offset++) {
    const { size } = blocks[offset] as { readonly size: number }
    head.writeUInt32LE(size, FRAME_HEADER_BYTES + 4 * offset)
    positions.push(position)
    position += size
  }
  json?.copy(head, FRAME_HEADER_BYTES + 4 * blocks.length)
  const padding = PADDING.subarray(0, length - position)
  head.writeUInt32LE(FRAME_MAGIC, 0)
  head.writeUInt32LE(salt, 4)
  head.writeUInt32LE(length - FRAME_HEADER_BYTES, 12)
  head.writeUInt32LE(jsonBytes, 16)
  head.writeUInt32LE(header.isReset ? FLAG_RESET : 0, 20)
  head.writeUInt32LE(checksumBefore, 24)
  head.writeUInt32LE(blocks.length, 28)
  const { number, base, before, commitIndex, last } = header
  const numbers = [number, base.index, base.term, before.index, before.term, commitIndex, last.index, last.term]
  for (let at = 0; at < numbers.length; at++) head.writeDoubleLE(numbers[at] as number, 32 + 8 * at)
  const parts = [head, ...blocks.map(({ bytes }) => bytes), ...(padding.length === 0 ? [] : [padding])]
  let checksum = crc32(head.subarray(12))
  for (let at = 1; at < parts.length; at++) checksum = crc32(parts[at] as Uint8Array, checksum)
  head.writeUInt32LE(checksum, 8)
  return { parts, length, checksum, positions }
}

/** How many bytes the frame at the start of `bytes` claims to have; undefined if no frame of this segment starts there. */
export function claimedLength(bytes: Buffer, salt: number): number | undefined {
  if (bytes.length < FRAME_HEADER_BYTES) return undefined
  if (bytes.readUInt32LE(0) !== FRAME_MAGIC || bytes.readUInt32LE(4) !== salt) return undefined
  const length = FRAME_HEADER_BYTES + bytes.readUInt32LE(12)
  return length > FRAME_BYTES_MAX || length % ALIGNMENT !== 0 ? undefined : length
}

/** Parses a frame of exactly this length. */
export function parseFrame(bytes: Buffer): Frame | { readonly damage: string } {
  const checksum = bytes.readUInt32LE(8)
  if (crc32(bytes.subarray(12)) !== checksum) return { damage: 'the checksum of a frame does not match its bytes' }
  const [jsonBytes, count] = [bytes.readUInt32LE(16), bytes.readUInt32LE(28)]
  const number = (offset: number): number => bytes.readDoubleLE(32 + 8 * offset)
  const blocks: { at: number; size: number }[] = []
  let at = FRAME_HEADER_BYTES + 4 * count + jsonBytes
  for (let offset = 0; offset < count && at <= bytes.length; offset++) {
    const size = bytes.readUInt32LE(FRAME_HEADER_BYTES + 4 * offset)
    blocks.push({ at, size })
    at += size
  }
  if (blocks.length !== count || aligned(at) !== bytes.length) return { damage: 'the lengths in a frame do not add up' }
  const json = bytes.subarray(FRAME_HEADER_BYTES + 4 * count, FRAME_HEADER_BYTES + 4 * count + jsonBytes)
  return {
    number: number(0),
    base: { index: number(1), term: number(2) },
    before: { index: number(3), term: number(4) },
    commitIndex: number(5),
    last: { index: number(6), term: number(7) },
    isReset: (bytes.readUInt32LE(20) & FLAG_RESET) !== 0,
    snapshot: jsonBytes === 0 ? undefined : (JSON.parse(json.toString()) as SnapshotInfo),
    checksum,
    checksumBefore: bytes.readUInt32LE(24),
    length: bytes.length,
    blocks,
  }
}

/** The position of the first possible frame at or after `from`; undefined if there is none in `bytes`. */
export function findFrame(bytes: Buffer, from: number, salt: number): number | undefined {
  const start = Buffer.alloc(8)
  start.writeUInt32LE(FRAME_MAGIC, 0)
  start.writeUInt32LE(salt, 4)
  for (let at = bytes.indexOf(start, from); at !== -1; at = bytes.indexOf(start, at + 1))
    if (at % ALIGNMENT === 0) return at
  return undefined
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}
