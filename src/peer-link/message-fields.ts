/** Reads and checks the fields of messages between nodes. It checks shape and range, and throws ERR_RAFT_BAD_MESSAGE; the core checks meaning. */
import type { BlockBody, EncodedBlock } from '../contracts/encoded-block.ts'
import type { PeerMessage } from '../contracts/transport.ts'
import type { ForwardRejection, InstallSnapshotResponse } from '../core/messages.ts'
import type { LogIndex, Shortage, StateDigest, Term } from '../core/types.ts'
import { bodyBytes, decodeBlock, decodeBody } from '../log-format/block.ts'
import { errorMessage } from '../platform/error-message.ts'
import { readChain, readOffer, readSnapshotReport } from './hello-fields.ts'
import type { Fields } from './wire-fields.ts'
import { badMessage, readBoolean, readInteger, readList, readObject, readText, shownValue } from './wire-fields.ts'

/** Reads the fields of each message type. The term of a request is at least 1: there are no leaders or candidates in term 0. */
export const MESSAGE_READERS: {
  readonly [Type in PeerMessage['type']]: (from: Fields) => Extract<PeerMessage, { type: Type }>
} = {
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
      blocks: readList(from, 'blocks').map(readBlock),
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
    ...(from.snapshot == null ? {} : { snapshot: readSnapshotReport(readObject(from, 'snapshot')) }),
  }),
  InstallSnapshotRequest: (from) => ({
    type: 'InstallSnapshotRequest',
    term: readInteger(from, 'term', 1),
    ...readOffer(from, readObject(from, 'snapshot')),
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
  ProposeRequest: (from) => {
    const payload = readBody(from)
    const { count, checksum } = payload
    return {
      type: 'ProposeRequest',
      term: readInteger(from, 'term', 1),
      origin: readInteger(from, 'origin', 1),
      ticket: readInteger(from, 'ticket', 1),
      lowest: readInteger(from, 'lowest', 1),
      ...{ count, size: payload.bytes.length, checksum, payload },
    }
  },
  ProposeResponse: (from) => ({
    type: 'ProposeResponse',
    term: readInteger(from, 'term'),
    origin: readInteger(from, 'origin', 1),
    ticket: readInteger(from, 'ticket', 1),
    first: from.first == null ? undefined : readInteger(from, 'first', 1),
    rejection: from.rejection == null ? undefined : readForwardRejection(readObject(from, 'rejection')),
  }),
}

/** The commands of a forwarded proposal: `commands` is the body of a block. */
function readBody(from: Fields): BlockBody {
  const { commands } = from
  if (!(commands instanceof Uint8Array)) throw badMessage('commands that are not bytes')
  try {
    return decodeBody(readInteger(from, 'count', 1), readInteger(from, 'checksum'), commands)
  } catch (cause) {
    throw badMessage(errorMessage(cause), cause)
  }
}

const LIMIT_NAME = /^[A-Za-z]{1,64}$/
/** A node id, or nothing. */
const PEER_ID = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$/

/** A field that is absent in one encoding is empty in another. */
export function readForwardRejection(from: Fields): ForwardRejection {
  const { reason } = from
  const id = (name: string): string => readText({ [name]: from[name] ?? '' }, name, PEER_ID)
  switch (reason) {
    case 'not-leader':
      return { reason, leader: id('leader') === '' ? undefined : id('leader') }
    case 'transferring':
      return { reason, to: id('to') }
    case 'overloaded':
      return {
        reason,
        limit: readText(from, 'limit', LIMIT_NAME),
        value: readInteger(from, 'value'),
        max: readInteger(from, 'max'),
      }
    case 'no-space':
      return { reason, ...readShortage(from) }
    default:
      throw badMessage(`unknown reason ${shownValue(reason)}`)
  }
}

const OUTCOMES: readonly unknown[] = ['installed', 'fetching', 'failed'] satisfies InstallSnapshotResponse['outcome'][]

function readOutcome({ outcome }: Fields): InstallSnapshotResponse['outcome'] {
  if (!OUTCOMES.includes(outcome)) throw badMessage(`unknown outcome ${shownValue(outcome)}`)
  return outcome as InstallSnapshotResponse['outcome']
}

function readRound(from: Fields): { readonly round: number; readonly session: LogIndex } {
  return { round: readInteger(from, 'round'), session: readInteger(from, 'session') }
}

function readApplyLag(from: Fields): { readonly applyLag?: number } {
  const applyLag = from.applyLag == null ? 0 : readInteger(from, 'applyLag')
  return applyLag === 0 ? {} : { applyLag }
}

function readWriteMs(from: Fields): { readonly writeMs?: number } {
  const writeMs = from.writeMs == null ? 0 : readInteger(from, 'writeMs')
  return writeMs === 0 ? {} : { writeMs }
}

function readFailedFetches(from: Fields): { readonly failedFetches?: number } {
  const failedFetches = from.failedFetches == null ? 0 : readInteger(from, 'failedFetches')
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
function readBlock(bytes: unknown): EncodedBlock {
  if (!(bytes instanceof Uint8Array)) throw badMessage('a block that is not bytes')
  try {
    return decodeBlock(bytes)
  } catch (cause) {
    throw badMessage(errorMessage(cause), cause)
  }
}

/**
 * Checks a value that another node has sent, in an encoding of your own, and returns it as a message without other fields. Blocks are decoded again from
 * their bytes. Throws ERR_RAFT_BAD_MESSAGE if a field is missing or out of range, or a checksum does not match.
 */
export function validatePeerMessage(value: unknown): PeerMessage {
  const fields = typeof value === 'object' && value !== null ? (value as Fields) : {}
  const type = typeof fields.type === 'string' ? fields.type : ''
  const read = Object.hasOwn(MESSAGE_READERS, type) ? MESSAGE_READERS[type as PeerMessage['type']] : undefined
  if (read === undefined) throw badMessage(`a message of unknown type ${shownValue(fields.type)}`)
  if (type === 'ProposeRequest') return read({ ...fields, commands: commandsOf(fields.payload) })
  if (type !== 'AppendEntriesRequest') return read(fields)
  const blocks = readList(fields, 'blocks').map((block) => (block as Partial<EncodedBlock> | null | undefined)?.bytes)
  return read({ ...fields, blocks })
}

function commandsOf(payload: unknown): unknown {
  const bytes = (payload as Partial<BlockBody> | null | undefined)?.bytes
  return bytes instanceof Uint8Array ? bodyBytes({ count: 0, checksum: 0, bytes }) : undefined
}
