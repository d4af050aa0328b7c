/** The one gate between bytes and messages: past it the types are the truth. What does not fit is ERR_RAFT_BAD_MESSAGE. */

import type { PeerIdentity, PeerMessage, Refusal } from '../contracts/transport.ts'
import type { InstallSnapshotResponse } from '../core/messages.ts'
import type { LogIndex, NodeId, SnapshotInfo, Term } from '../core/types.ts'
import type { EncodedBlock } from '../log-format/block.ts'
import { decodeBlock, parseMembership } from '../log-format/block.ts'
import { peerProto } from './peer-proto.ts'
import type { Fields } from './wire-fields.ts'
import { badMessage, child, flag, list, printable, text, whole } from './wire-fields.ts'
import type { Nested } from './wire-scan.ts'
import { countPieces } from './wire-scan.ts'

/** Who speaks, whom it means to speak to, where it is reached itself, and the protocol versions it knows. */
export interface Hello extends PeerIdentity {
  readonly receiverId: NodeId
  readonly address: string
  readonly protocolMin: number
  readonly protocolMax: number
}

/** One write on a link. */
export type Frame =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'refusal'; readonly refusal: Refusal }
  | { readonly type: 'messages'; readonly messages: readonly PeerMessage[] }

export interface FetchRequest {
  readonly hello: Hello
  readonly id: string
  readonly offset: number
}

/** A piece of a snapshot, or why there will be none. */
export type Chunk =
  | { readonly type: 'data'; readonly offset: number; readonly data: Buffer }
  | { readonly type: 'refusal'; readonly refusal: Refusal }

/** The most messages in one frame. */
export const FRAME_MESSAGES_MAX = 1024

export function encodeFrame(frame: Frame): Buffer {
  const { frame: wire } = peerProto()
  if (frame.type === 'messages') return wire.encode({ messages: frame.messages.map(toWire) })
  return wire.encode(frame)
}

export function decodeFrame(bytes: Buffer): Frame {
  if (countPieces(bytes, FRAME_NESTED) > PIECES_MIN + bytes.length / PIECE_BYTES) throw badMessage('too many pieces')
  const fields = opened(() => peerProto().frame.decode(bytes))
  const messages = list(fields, 'messages')
  const kinds = Number(fields.hello != null) + Number(fields.refusal != null) + Number(messages.length > 0)
  if (kinds !== 1) throw badMessage(`a frame is one of hello, refusal and messages, not ${kinds} of them`)
  if (fields.hello != null) return { type: 'hello', hello: readHello(child(fields, 'hello')) }
  if (fields.refusal != null) return { type: 'refusal', refusal: readRefusal(child(fields, 'refusal')) }
  return { type: 'messages', messages: messages.map((message) => fromWire(message as Fields)) }
}

/** Frame.messages → AppendEntriesRequest.blocks; and → InstallSnapshotRequest.snapshot.membership. */
const FRAME_NESTED: Nested = { 3: { 5: {}, 7: { 2: { 4: {} } } } }
/** A frame may always have this many pieces, and one more for every so many bytes: the smallest block is larger. */
const PIECES_MIN = 4 * FRAME_MESSAGES_MAX
const PIECE_BYTES = 32

export function encodeFetchRequest(request: FetchRequest): Buffer {
  return peerProto().fetchRequest.encode(request)
}

export function decodeFetchRequest(bytes: Buffer): FetchRequest {
  const fields = opened(() => peerProto().fetchRequest.decode(bytes))
  const hello = readHello(child(fields, 'hello'))
  return { hello, id: text(fields, 'id', SNAPSHOT_ID), offset: whole(fields, 'offset') }
}

export function encodeChunk(chunk: Chunk): Buffer {
  return peerProto().chunk.encode(chunk)
}

export function decodeChunk(bytes: Buffer): Chunk {
  const fields = opened(() => peerProto().chunk.decode(bytes))
  if (fields.refusal != null) return { type: 'refusal', refusal: readRefusal(child(fields, 'refusal')) }
  return { type: 'data', offset: whole(fields, 'offset'), data: fields.data as Buffer }
}

function opened(decode: () => Fields): Fields {
  try {
    return decode()
  } catch (cause) {
    throw badMessage(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

const NODE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const SNAPSHOT_ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/
/** Printable, without blanks; may be empty. */
const NAME = /^[\x21-\x7e]{0,255}$/
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/
const REASON_LENGTH_MAX = 1000

function readHello(fields: Fields): Hello {
  return {
    clusterId: text(fields, 'clusterId', /^[^\p{C}]{0,255}$/u),
    nodeId: text(fields, 'nodeId', NODE_ID),
    directoryId: text(fields, 'directoryId', NAME),
    receiverId: text(fields, 'receiverId', NODE_ID),
    address: text(fields, 'address', NAME),
    protocolMin: whole(fields, 'protocolMin'),
    protocolMax: whole(fields, 'protocolMax'),
  }
}

function readRefusal(fields: Fields): Refusal {
  const message = typeof fields.message === 'string' ? fields.message : ''
  return { code: text(fields, 'code', CODE), message: printable(message.slice(0, REASON_LENGTH_MAX)) }
}

function toWire(message: PeerMessage): object {
  if (message.type === 'AppendEntriesRequest')
    return { appendEntriesRequest: { ...message, blocks: message.blocks.map((block) => block.bytes) } }
  if (message.type === 'InstallSnapshotResponse')
    return { installSnapshotResponse: { ...message, outcome: message.outcome.toUpperCase() } }
  return { [fieldOf(message.type)]: message }
}

function fieldOf(type: PeerMessage['type']): string {
  return type.charAt(0).toLowerCase() + type.slice(1)
}

function fromWire(fields: Fields): PeerMessage {
  const name = fields.message
  const read = typeof name === 'string' ? READERS_BY_FIELD.get(name) : undefined
  if (read === undefined) throw badMessage('a message of no known type')
  return read(child(fields, name as string))
}

/** Of every message, its fields: terms of those who ask are at least 1, since nobody leads or campaigns in term 0. */
const READERS: { readonly [Type in PeerMessage['type']]: (from: Fields) => Extract<PeerMessage, { type: Type }> } = {
  RequestVoteRequest: (from) => ({
    type: 'RequestVoteRequest',
    term: whole(from, 'term', 1),
    ...lastEntry(from),
    isTransfer: flag(from, 'isTransfer'),
  }),
  RequestVoteResponse: (from) => ({
    type: 'RequestVoteResponse',
    term: whole(from, 'term'),
    isGranted: flag(from, 'isGranted'),
  }),
  PreVoteRequest: (from) => ({ type: 'PreVoteRequest', term: whole(from, 'term', 1), ...lastEntry(from) }),
  PreVoteResponse: (from) => ({
    type: 'PreVoteResponse',
    term: whole(from, 'term'),
    isGranted: flag(from, 'isGranted'),
    isRemoved: flag(from, 'isRemoved'),
  }),
  AppendEntriesRequest: (from) => {
    const term = whole(from, 'term', 1)
    const { index: prevIndex, term: prevTerm } = entry(from, 'prevIndex', 'prevTerm')
    return {
      type: 'AppendEntriesRequest',
      term,
      prevIndex,
      prevTerm,
      commitIndex: whole(from, 'commitIndex'),
      ...roundOf(from),
      blocks: readBlocks(list(from, 'blocks'), { prevIndex, prevTerm, term }),
    }
  },
  AppendEntriesResponse: (from) => ({
    type: 'AppendEntriesResponse',
    term: whole(from, 'term'),
    isAccepted: flag(from, 'isAccepted'),
    index: whole(from, 'index'),
    hintIndex: whole(from, 'hintIndex'),
    hintTerm: whole(from, 'hintTerm'),
    ...roundOf(from),
  }),
  InstallSnapshotRequest: (from) => ({
    type: 'InstallSnapshotRequest',
    term: whole(from, 'term', 1),
    snapshot: readSnapshot(child(from, 'snapshot')),
    ...roundOf(from),
  }),
  InstallSnapshotResponse: (from) => ({
    type: 'InstallSnapshotResponse',
    term: whole(from, 'term'),
    outcome: readOutcome(from),
    index: whole(from, 'index'),
    ...roundOf(from),
  }),
  TimeoutNow: (from) => ({ type: 'TimeoutNow', term: whole(from, 'term', 1) }),
  ReadIndexRequest: (from) => ({ type: 'ReadIndexRequest', term: whole(from, 'term'), read: whole(from, 'read') }),
  ReadIndexResponse: (from) => ({
    type: 'ReadIndexResponse',
    term: whole(from, 'term'),
    read: whole(from, 'read'),
    index: from.index == null ? undefined : whole(from, 'index'),
  }),
}

const READERS_BY_FIELD = new Map<string, (from: Fields) => PeerMessage>(
  Object.entries(READERS).map(([type, read]) => [fieldOf(type as PeerMessage['type']), read]),
)

const OUTCOMES: ReadonlyMap<unknown, InstallSnapshotResponse['outcome']> = new Map([
  ['INSTALLED', 'installed'],
  ['FETCHING', 'fetching'],
  ['FAILED', 'failed'],
])

function readOutcome(from: Fields): InstallSnapshotResponse['outcome'] {
  const outcome = OUTCOMES.get(from.outcome)
  if (outcome === undefined) throw badMessage(`outcome is ${String(from.outcome)}`)
  return outcome
}

function roundOf(from: Fields): { readonly round: number; readonly session: LogIndex } {
  return { round: whole(from, 'round'), session: whole(from, 'session') }
}

function lastEntry(from: Fields): { readonly lastIndex: LogIndex; readonly lastTerm: Term } {
  const { index: lastIndex, term: lastTerm } = entry(from, 'lastIndex', 'lastTerm')
  return { lastIndex, lastTerm }
}

/** An entry's name: the place before the log is index 0 of term 0, and nothing else has either. */
function entry(from: Fields, indexName: string, termName: string): { readonly index: LogIndex; readonly term: Term } {
  const index = whole(from, indexName)
  const term = whole(from, termName)
  if ((index === 0) !== (term === 0)) throw badMessage(`${indexName} is ${index} but ${termName} is ${term}`)
  return { index, term }
}

interface AppendHead {
  readonly prevIndex: LogIndex
  readonly prevTerm: Term
  readonly term: Term
}

/** Every block whole and sound, contiguous from the entry before them, of terms that never fall and never pass the sender's. */
function readBlocks(wire: readonly unknown[], { prevIndex, prevTerm, term }: AppendHead): EncodedBlock[] {
  let nextIndex = prevIndex + 1
  let termMin = prevTerm
  return wire.map((bytes) => {
    const block = readBlock(bytes as Buffer)
    if (block.first !== nextIndex) throw badMessage(`a block starts at ${block.first} where ${nextIndex} is next`)
    if (block.term < termMin || block.term > term)
      throw badMessage(`a block of term ${block.term} between entries of term ${termMin} and a leader of term ${term}`)
    nextIndex = block.first + block.count
    termMin = block.term
    return block
  })
}

function readBlock(bytes: Buffer): EncodedBlock {
  try {
    return decodeBlock(bytes)
  } catch (cause) {
    throw badMessage((cause as Error).message, cause)
  }
}

function readSnapshot(from: Fields): SnapshotInfo {
  return {
    id: text(from, 'id', SNAPSHOT_ID),
    index: whole(from, 'index', 1),
    term: whole(from, 'term', 1),
    membership: readMembership(child(from, 'membership')),
    size: whole(from, 'size'),
  }
}

function readMembership(from: Fields): SnapshotInfo['membership'] {
  try {
    return parseMembership(from)
  } catch (cause) {
    throw badMessage((cause as Error).message, cause)
  }
}
