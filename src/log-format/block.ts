/**
 * Encodes and decodes blocks. Layout, little-endian:
 * u32 magic and version | u32 crc32 of the next 28 bytes | u8 kind | u8[3] zero | u32 count | f64 first | f64 term | u32 crc32 of the body |
 * body: u32 length[count] | payloads. A no-op has one empty payload; the payload of a membership is JSON. The highest bit of a length marks a
 * command in an envelope (src/sessions/envelope.ts).
 */
import type { BlockBody, EncodedBlock } from '../contracts/encoded-block.ts'
import { checksumOf } from '../core/log/chain.ts'
import type { Block, BlockKind, Boot, LogIndex, Member, MemberMetadata, Membership, Term } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { allocateBytes } from '../platform/bytes.ts'
import { crc32 } from '../platform/checksums.ts'
import { metadataProblem, sortedMetadata } from './member-metadata.ts'

const MAGIC = 0x32424b51 // 'QKB2'
const HEADER_BYTES = 36
/** The bits of the length of a payload. The highest bit marks an envelope. */
const LENGTH_MASK = 0x7fffffff
const ENVELOPED = 0x80000000
const KINDS: readonly BlockKind[] = ['commands', 'noop', 'membership']

const NONE: ReadonlySet<number> = new Set()

/** The size of an encoded block with these payloads, known before it is encoded. */
export function encodedSize(count: number, payloadBytes: number): number {
  return HEADER_BYTES + 4 * count + payloadBytes
}

/** Encodes commands before the core has assigned them a place. `enveloped` has the offsets of those in an envelope. */
export function encodeBody(payloads: readonly Uint8Array[], enveloped: ReadonlySet<number> = NONE): BlockBody {
  let payloadBytes = 0
  for (const payload of payloads) payloadBytes += payload.length
  const bytes = allocateBytes(encodedSize(payloads.length, payloadBytes))
  const view = viewOf(bytes)
  // A recording contains a body before its header is known: the same run gives the same bytes.
  bytes.fill(0, 0, HEADER_BYTES)
  let position = HEADER_BYTES + 4 * payloads.length
  for (let offset = 0; offset < payloads.length; offset++) {
    const payload = payloads[offset] as Uint8Array
    const mark = enveloped.size > 0 && enveloped.has(offset) ? ENVELOPED : 0
    view.setUint32(HEADER_BYTES + 4 * offset, payload.length + mark, true)
    bytes.set(payload, position)
    position += payload.length
  }
  return { count: payloads.length, checksum: crc32(bytes.subarray(HEADER_BYTES)), bytes }
}

/** The bytes of a body after the place of its header. */
export function bodyBytes({ bytes }: BlockBody): Uint8Array {
  return bytes.subarray(HEADER_BYTES)
}

/** Verifies what `bodyBytes` returned on another node, and copies it behind the place of a header. Throws ERR_RAFT_BAD_BLOCK. */
export function decodeBody(count: number, checksum: number, received: Uint8Array): BlockBody {
  const bytes = allocateBytes(HEADER_BYTES + received.length)
  bytes.fill(0, 0, HEADER_BYTES)
  bytes.set(received, HEADER_BYTES)
  if (crc32(bytes.subarray(HEADER_BYTES)) !== checksum) throw badBlock('its checksum does not match its bytes')
  checkLengths(viewOf(bytes), count, bytes.length)
  return { count, checksum, bytes }
}

/** Completes a body of commands. `first` and `term` are assigned by the core. The bytes become those of the block. */
export function completeBlock(first: LogIndex, term: Term, body: BlockBody): EncodedBlock {
  return complete({ first, term, kind: 'commands', membership: undefined }, body)
}

export function encodeCommands(first: LogIndex, term: Term, commands: readonly Uint8Array[]): EncodedBlock {
  return completeBlock(first, term, encodeBody(commands))
}

/** A no-op is a block of one entry, which a leader appends at the start of its term. */
export function encodeNoop(first: LogIndex, term: Term): EncodedBlock {
  return complete({ first, term, kind: 'noop', membership: undefined }, encodeBody([new Uint8Array(0)]))
}

/** A membership is a block of one entry. */
export function encodeMembership(first: LogIndex, term: Term, membership: Membership): EncodedBlock {
  const json = new TextEncoder().encode(JSON.stringify(membership))
  return complete({ first, term, kind: 'membership', membership }, encodeBody([json]))
}

function complete(
  { first, term, kind, membership }: Pick<Block, 'first' | 'term' | 'kind' | 'membership'>,
  { count, checksum, bytes }: BlockBody,
): EncodedBlock {
  const view = viewOf(bytes)
  view.setUint32(0, MAGIC, true)
  view.setUint32(8, KINDS.indexOf(kind), true)
  view.setUint32(12, count, true)
  view.setFloat64(16, first, true)
  view.setFloat64(24, term, true)
  view.setUint32(32, checksum, true)
  view.setUint32(4, crc32(bytes.subarray(8, HEADER_BYTES)), true)
  const content = checksumOf({ kind, membership, checksum })
  return { first, term, kind, membership, count, checksum: content, size: bytes.length, bytes }
}

/** Verifies an encoded block and decodes its header and membership. Throws ERR_RAFT_BAD_BLOCK with the reason if it is invalid. */
export function decodeBlock(input: Uint8Array): EncodedBlock {
  const bytes = asBuffer(input)
  const checksumsMatch = (view: DataView): boolean =>
    view.getUint32(4, true) === crc32(bytes.subarray(8, HEADER_BYTES)) &&
    view.getUint32(32, true) === crc32(bytes.subarray(HEADER_BYTES))
  const { first, term, kind, membership, count, checksum, size } = parse(bytes, checksumsMatch)
  return { first, term, kind, membership, count, checksum, size, bytes }
}

/** The same without the bytes, for a block in bytes that another checksum has verified: the checksums of the block are not compared. */
export function decodeVerifiedHeader(bytes: Uint8Array): Omit<EncodedBlock, 'bytes'> {
  return parse(bytes, () => true)
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** The same bytes as a Buffer, where there is one: what reads the block later may be faster with it. */
function asBuffer(bytes: Uint8Array): Uint8Array {
  if (typeof Buffer === 'undefined' || Buffer.isBuffer(bytes)) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function parse(bytes: Uint8Array, checksumsMatch: (view: DataView) => boolean): Omit<EncodedBlock, 'bytes'> {
  if (bytes.length < HEADER_BYTES) throw badBlock(`${bytes.length} bytes are too short for a block`)
  const view = viewOf(bytes)
  if (view.getUint32(0, true) !== MAGIC) throw badBlock('it does not begin like a block of format 2')
  if (!checksumsMatch(view)) throw badBlock('its checksum does not match its bytes')
  const kind = KINDS[view.getUint32(8, true)]
  if (kind === undefined) throw badBlock('its kind is unknown')
  const count = view.getUint32(12, true)
  const first = view.getFloat64(16, true)
  const term = view.getFloat64(24, true)
  if (!Number.isSafeInteger(first) || first < 1 || !Number.isSafeInteger(first + count))
    throw badBlock('its index is out of range')
  if (!Number.isSafeInteger(term) || term < 1) throw badBlock('its term is out of range')
  checkLengths(view, count, bytes.length)
  if (kind !== 'commands' && (count !== 1 || view.getUint32(HEADER_BYTES, true) > LENGTH_MASK))
    throw badBlock(`a ${kind} has one entry without an envelope`)
  const membership = kind === 'membership' ? decodeMembership(bytes.subarray(HEADER_BYTES + 4)) : undefined
  const checksum = checksumOf({ kind, membership, checksum: view.getUint32(32, true) })
  return { first, term, kind, membership, count, checksum, size: bytes.length }
}

function checkLengths(view: DataView, count: number, size: number): void {
  if (count < 1 || HEADER_BYTES + 4 * count > size) throw badBlock(`it claims ${count} entries`)
  let end = HEADER_BYTES + 4 * count
  for (let offset = 0; offset < count; offset++) end += view.getUint32(HEADER_BYTES + 4 * offset, true) & LENGTH_MASK
  if (end !== size) throw badBlock('its lengths do not add up to its size')
}

/** The payloads of a block, in order, as views of its bytes: plain Uint8Arrays, because `slice` of a Buffer does not copy. */
export function payloadsOf(block: EncodedBlock): Uint8Array[] {
  const { bytes, count } = block
  const view = viewOf(bytes)
  const { buffer, byteOffset } = bytes
  const payloads: Uint8Array[] = new Array(count)
  let position = HEADER_BYTES + 4 * count
  for (let offset = 0; offset < count; offset++) {
    const length = view.getUint32(HEADER_BYTES + 4 * offset, true) & LENGTH_MASK
    // `subarray` takes twice as long.
    payloads[offset] = new Uint8Array(buffer, byteOffset + position, length)
    position += length
  }
  return payloads
}

/** Whether the payload at this offset is in an envelope. */
export function isEnveloped({ bytes }: EncodedBlock, offset: number): boolean {
  return (bytes[HEADER_BYTES + 4 * offset + 3] as number) >= 0x80
}

/** Decodes a membership from JSON and checks every field. Throws ERR_RAFT_BAD_BLOCK. */
export function decodeMembership(bytes: Uint8Array): Membership {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw badBlock('its membership is not JSON', cause)
  }
  return parseMembership(value)
}

/** Checks every field of a membership. Throws ERR_RAFT_BAD_BLOCK. */
export function parseMembership(value: unknown): Membership {
  if (typeof value !== 'object' || value === null) throw badMembership('it is not an object')
  const { members, voters, outgoing, learners } = value as Record<string, unknown>
  if (!Array.isArray(members)) throw badMembership('it has no members')
  const parsed = members.map(parseMember)
  const known = new Set(parsed.map((member) => member.id))
  if (known.size !== parsed.length) throw badMembership('it contains a member twice')
  const ids = (list: unknown, name: string): string[] => {
    if (!Array.isArray(list)) throw badMembership(`it has no ${name}`)
    for (const id of list)
      if (typeof id !== 'string' || !known.has(id))
        throw badMembership(`its ${name} contain an id that is not a member`)
    if (new Set(list).size !== list.length) throw badMembership(`its ${name} contain an id twice`)
    return list as string[]
  }
  const membership = {
    members: parsed,
    voters: ids(voters, 'voters'),
    outgoing: ids(outgoing, 'outgoing voters'),
    learners: ids(learners, 'learners'),
  }
  if (membership.learners.some((id) => membership.voters.includes(id))) throw badMembership('a learner is also a voter')
  return membership
}

function parseMember(value: unknown): Member {
  if (typeof value !== 'object' || value === null) throw badMembership('a member is not an object')
  const { id, address, directoryId, boot, hasLostEntries, metadata, addedAt, promote } = value as Record<
    string,
    unknown
  >
  if (typeof id !== 'string' || id === '') throw badMembership('a member has no id')
  if (typeof address !== 'string' || typeof directoryId !== 'string')
    throw badMembership(`member ${id} has no address or directory id`)
  if (typeof addedAt !== 'number' || !Number.isSafeInteger(addedAt) || addedAt < 0)
    throw badMembership(`member ${id} has an invalid addedAt`)
  if (typeof promote !== 'boolean') throw badMembership(`member ${id} has an invalid promote`)
  const bound = boot == null ? {} : { boot: parseBoot(id, boot) }
  const lost = hasLostEntries === true ? { hasLostEntries } : {}
  const described = parseMetadata(id, metadata ?? {})
  return { id, address, directoryId, ...bound, ...lost, ...described, addedAt, promote }
}

function parseMetadata(member: string, value: unknown): { readonly metadata?: MemberMetadata } {
  const problem = metadataProblem(value)
  if (problem !== undefined) throw badMembership(`the metadata of member ${member} ${problem}`)
  const metadata = sortedMetadata(value as MemberMetadata)
  return Object.keys(metadata).length === 0 ? {} : { metadata }
}

function parseBoot(member: string, value: unknown): Boot {
  const { number, id } = value as Record<string, unknown>
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1 || typeof id !== 'string')
    throw badMembership(`member ${member} has an invalid boot`)
  return { number, id }
}

function badBlock(what: string, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_BAD_BLOCK', `bad block: ${what}`, { cause })
}

/** A membership is also part of a snapshot and of a status, not only of a block. */
function badMembership(what: string): RaftError {
  return new RaftError('ERR_RAFT_BAD_BLOCK', `bad membership: ${what}`)
}
