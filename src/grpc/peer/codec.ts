/** Encodes and decodes peer messages. It checks shape and range, and throws ERR_RAFT_BAD_MESSAGE; the core checks meaning. */
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { PeerMessage, Refusal } from '../../contracts/transport.ts'
import type { InstallSnapshotResponse } from '../../core/messages.ts'
import type { LogIndex, Shortage, StateDigest, Term } from '../../core/types.ts'
import { decodeBlock } from '../../log-format/block.ts'
import type { FetchRequest, Frame } from '../../peer-link/frames.ts'
import { FRAME_MESSAGES_MAX } from '../../peer-link/frames.ts'
import { readChain, readFetchRequest, readHello, readRefusal, readSnapshotInfo } from '../../peer-link/hello-fields.ts'
import type { Fields } from '../../peer-link/wire-fields.ts'
import { badMessage, readBoolean, readInteger, readList, readObject } from '../../peer-link/wire-fields.ts'
import { errorMessage } from '../../platform/error-message.ts'
import type { NestedFields } from '../shared/field-count.ts'
import { countFields } from '../shared/field-count.ts'
import { peerProto } from './peer-proto.ts'

/** A piece of a snapshot, or the reason why the peer does not send it. */
export type Chunk =
  | { readonly type: 'data'; readonly offset: number; readonly data: Buffer }
  | { readonly type: 'refusal'; readonly refusal: Refusal }

export function encodeFrame(frame: Frame): Buffer {
  const { frame: wire } = peerProto()
  if (frame.type === 'messages') return wire.encode({ messages: frame.messages.map(toWire) })
  return wire.encode(frame)
}

export function decodeFrame(bytes: Buffer): Frame {
  if (countFields(bytes, FRAME_NESTED) > FIELDS_MIN + bytes.length / BYTES_PER_FIELD)
    throw badMessage('too many fields')
  const fields = decodeFields(() => peerProto().frame.decode(bytes))
  const messages = readList(fields, 'messages')
  const kinds = Number(fields.hello != null) + Number(fields.refusal != null) + Number(messages.length > 0)
  if (kinds !== 1)
    throw badMessage(`a frame must contain exactly one of hello, refusal and messages, not ${kinds} of them`)
  if (fields.hello != null) return { type: 'hello', hello: readHello(readObject(fields, 'hello')) }
  if (fields.refusal != null) return { type: 'refusal', refusal: readRefusal(readObject(fields, 'refusal')) }
  return { type: 'messages', messages: messages.map((message) => fromWire(message as Fields)) }
}

/** Field numbers of Frame.messages → AppendEntriesRequest.blocks, and of Frame.messages → InstallSnapshotRequest.snapshot.membership. */
const FRAME_NESTED: NestedFields = { 3: { 5: {}, 7: { 2: { 4: {} } } } }
/** A frame may have FIELDS_MIN fields, and one more per BYTES_PER_FIELD bytes. The smallest block is larger than that. */
const FIELDS_MIN = 4 * FRAME_MESSAGES_MAX
const BYTES_PER_FIELD = 32

export function encodeFetchRequest(request: FetchRequest): Buffer {
  return peerProto().fetchRequest.encode(request)
}

export function decodeFetchRequest(bytes: Buffer): FetchRequest {
  const fields = decodeFields(() => peerProto().fetchRequest.decode(bytes))
  return readFetchRequest(fields)
}

export function encodeChunk(chunk: Chunk): Buffer {
  return peerProto().chunk.encode(chunk)
}

export function decodeChunk(bytes: Buffer): Chunk {
  const fields = decodeFields(() => peerProto().chunk.decode(bytes))
  if (fields.refusal != null) return { type: 'refusal', refusal: readRefusal(readObject(fields, 'refusal')) }
  return { type: 'data', offset: readInteger(fields, 'offset'), data: fields.data as Buffer }
}

function decodeFields(decode: () => Fields): Fields {
  try {
    return decode()
  } catch (cause) {
    throw badMessage(errorMessage(cause), cause)
  }
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
  if (read === undefined) throw badMessage('a message of unknown type')
  return read(readObject(fields, name as string))
}

/** Reads the fields of each message type. The term of a request is at least 1: there are no leaders or candidates in term 0. */
const READERS: { readonly [Type in PeerMessage['type']]: (from: Fields) => Extract<PeerMessage, { type: Type }> } = {
  RequestVoteRequest: (from) => ({
    type: 'RequestVoteRequest',
    term: readInteger(from, 'term', 1),
    ...readLastEntry(from),
    isTransfer: readBoolean(from, 'isTransfer'),
  }),
  RequestVoteResponse: (from) => ({
    type: 'RequestVoteResponse',
    term: readInteger(from, 'term'),
    isGranted: readBoolean(from, 'isGranted'),
  }),
  PreVoteRequest: (from) => ({ type: 'PreVoteRequest', term: readInteger(from, 'term', 1), ...readLastEntry(from) }),
  PreVoteResponse: (from) => ({
    type: 'PreVoteResponse',
    term: readInteger(from, 'term'),
    isGranted: readBoolean(from, 'isGranted'),
    isRemoved: readBoolean(from, 'isRemoved'),
  }),
  AppendEntriesRequest: (from) => {
    const { index: prevIndex, term: prevTerm } = readEntryId(from, 'prevIndex', 'prevTerm')
    return {
      type: 'AppendEntriesRequest',
      term: readInteger(from, 'term', 1),
      prevIndex,
      prevTerm,
      prevChain: readChain(from, 'prevChain'),
      commitIndex: readInteger(from, 'commitIndex'),
      ...readRound(from),
      ...(from.digestOfQuorum == null ? {} : { digestOfQuorum: readDigest(readObject(from, 'digestOfQuorum')) }),
      blocks: readList(from, 'blocks').map((bytes) => readBlock(bytes as Buffer)),
    }
  },
  AppendEntriesResponse: (from) => ({
    type: 'AppendEntriesResponse',
    term: readInteger(from, 'term'),
    isAccepted: readBoolean(from, 'isAccepted'),
    index: readInteger(from, 'index'),
    hintIndex: readInteger(from, 'hintIndex'),
    hintTerm: readInteger(from, 'hintTerm'),
    chain: from.chain == null ? undefined : readChain(from, 'chain'),
    ...readRound(from),
    ...readApplyLag(from),
    ...(from.shortage == null ? {} : { shortage: readShortage(readObject(from, 'shortage')) }),
    ...readWriteMs(from),
    ...(from.digest == null ? {} : { digest: readDigest(readObject(from, 'digest')) }),
  }),
  InstallSnapshotRequest: (from) => ({
    type: 'InstallSnapshotRequest',
    term: readInteger(from, 'term', 1),
    snapshot: readSnapshotInfo(readObject(from, 'snapshot')),
    ...readRound(from),
  }),
  InstallSnapshotResponse: (from) => ({
    type: 'InstallSnapshotResponse',
    term: readInteger(from, 'term'),
    outcome: readOutcome(from),
    index: readInteger(from, 'index'),
    ...readRound(from),
    ...(from.shortage == null ? {} : { shortage: readShortage(readObject(from, 'shortage')) }),
    ...readFailedFetches(from),
  }),
  TimeoutNow: (from) => ({ type: 'TimeoutNow', term: readInteger(from, 'term', 1) }),
  ReadIndexRequest: (from) => ({
    type: 'ReadIndexRequest',
    term: readInteger(from, 'term'),
    read: readInteger(from, 'read'),
  }),
  ReadIndexResponse: (from) => ({
    type: 'ReadIndexResponse',
    term: readInteger(from, 'term'),
    read: readInteger(from, 'read'),
    index: from.index == null ? undefined : readInteger(from, 'index'),
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
  if (outcome === undefined) throw badMessage(`unknown outcome ${String(from.outcome)}`)
  return outcome
}

function readRound(from: Fields): { readonly round: number; readonly session: LogIndex } {
  return { round: readInteger(from, 'round'), session: readInteger(from, 'session') }
}

function readApplyLag(from: Fields): { readonly applyLag?: number } {
  const applyLag = readInteger(from, 'applyLag')
  return applyLag === 0 ? {} : { applyLag }
}

function readWriteMs(from: Fields): { readonly writeMs?: number } {
  const writeMs = readInteger(from, 'writeMs')
  return writeMs === 0 ? {} : { writeMs }
}

function readFailedFetches(from: Fields): { readonly failedFetches?: number } {
  const failedFetches = readInteger(from, 'failedFetches')
  return failedFetches === 0 ? {} : { failedFetches }
}

function readDigest(from: Fields): StateDigest {
  return { index: readInteger(from, 'index'), kind: readInteger(from, 'kind'), value: readInteger(from, 'value') }
}

function readShortage(from: Fields): Shortage {
  return { freeBytes: readInteger(from, 'freeBytes'), neededBytes: readInteger(from, 'neededBytes') }
}

function readLastEntry(from: Fields): { readonly lastIndex: LogIndex; readonly lastTerm: Term } {
  const { index: lastIndex, term: lastTerm } = readEntryId(from, 'lastIndex', 'lastTerm')
  return { lastIndex, lastTerm }
}

/** The index and term of an entry. Index 0 and term 0 occur only together: they stand for the position before the log. */
function readEntryId(
  from: Fields,
  indexName: string,
  termName: string,
): { readonly index: LogIndex; readonly term: Term } {
  const index = readInteger(from, indexName)
  const term = readInteger(from, termName)
  if ((index === 0) !== (term === 0)) throw badMessage(`${indexName} is ${index} but ${termName} is ${term}`)
  return { index, term }
}

/** Checks the checksum and the shape of a block. The core checks whether its index and term fit the log. */
function readBlock(bytes: Buffer): EncodedBlock {
  try {
    return decodeBlock(bytes)
  } catch (cause) {
    throw badMessage(errorMessage(cause), cause)
  }
}
