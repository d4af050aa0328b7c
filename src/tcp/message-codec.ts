/** Encodes and decodes the messages between nodes. It checks shape and range, and throws ERR_RAFT_BAD_MESSAGE; the core checks meaning. */
import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type { PeerMessage } from '../contracts/transport.ts'
import type { AppendEntriesResponse, InstallSnapshotResponse } from '../core/messages.ts'
import type { Mutable, Shortage, StateDigest } from '../core/types.ts'
import { decodeBlock } from '../log-format/block.ts'
import { readOffer, readSnapshotReport, reportOf } from '../peer-link/hello-fields.ts'
import { badMessage } from '../peer-link/wire-fields.ts'
import { errorMessage } from '../platform/error-message.ts'

import { decodeForwarded, encodeForwarded } from './forwarded-codec.ts'
import { BLOCK_LENGTH_BYTES, FRAME } from './frame-format.ts'
import type { FrameCursor } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { encodeJson, readJson } from './json-bytes.ts'

type PackedAppendEntries = Extract<PeerMessage, { type: 'AppendEntriesRequest' }>

const CHECKSUM_MAX = 0xffffffff
/** The largest snapshot metadata. A member of a membership has some 200 bytes. */
const SNAPSHOT_INFO_BYTES_MAX = 1024 * 1024

/** The buffers to write for these messages: the bytes of blocks as they are, and one buffer for everything between them. */
export function encodeMessages(messages: readonly PeerMessage[]): readonly Uint8Array[] {
  let blocks = 0
  for (const message of messages) if (message.type === 'AppendEntriesRequest') blocks += message.blocks.length
  const writer = new FrameWriter(messages.length, messages.length * NUMBERS_MAX, blocks)
  for (const message of messages) encodeMessage(writer, message)
  return writer.finish()
}

/** The most numbers of a message, in an AppendEntriesResponse. */
const NUMBERS_MAX = 14

function encodeMessage(writer: FrameWriter, message: PeerMessage): void {
  switch (message.type) {
    case 'AppendEntriesRequest': {
      let rest = 0
      for (const { size } of message.blocks) rest += BLOCK_LENGTH_BYTES + size
      const digest = message.digestOfQuorum
      writer.begin(FRAME.appendEntriesRequest, digest === undefined ? 0 : 1, digest === undefined ? 7 : 10, rest)
      writer.number(message.term)
      writer.number(message.prevIndex)
      writer.number(message.prevTerm)
      writer.number(message.prevChain)
      writer.number(message.commitIndex)
      writer.number(message.round)
      writer.number(message.session)
      if (digest !== undefined) encodeDigest(writer, digest)
      for (const { bytes } of message.blocks) writer.block(bytes)
      return
    }
    case 'AppendEntriesResponse':
      return encodeAppendEntriesResponse(writer, message)
    case 'RequestVoteRequest':
      writer.begin(FRAME.requestVoteRequest, message.isTransfer ? 1 : 0, 3)
      writer.number(message.term)
      writer.number(message.lastIndex)
      return writer.number(message.lastTerm)
    case 'RequestVoteResponse':
      writer.begin(FRAME.requestVoteResponse, message.isGranted ? 1 : 0, 1)
      return writer.number(message.term)
    case 'PreVoteRequest':
      writer.begin(FRAME.preVoteRequest, 0, 3)
      writer.number(message.term)
      writer.number(message.lastIndex)
      return writer.number(message.lastTerm)
    case 'PreVoteResponse':
      writer.begin(FRAME.preVoteResponse, (message.isGranted ? 1 : 0) | (message.isRemoved ? 2 : 0), 1)
      return writer.number(message.term)
    case 'InstallSnapshotRequest': {
      const { snapshot, source } = message
      const info = encodeJson(source === undefined ? snapshot : { ...snapshot, source })
      writer.begin(FRAME.installSnapshotRequest, 0, 3, info.length)
      writer.number(message.term)
      writer.number(message.round)
      writer.number(message.session)
      return writer.rest(info)
    }
    case 'InstallSnapshotResponse': {
      const { shortage, failedFetches } = message
      const flags = (shortage === undefined ? 0 : 1) | (failedFetches === undefined ? 0 : 2)
      writer.begin(FRAME.installSnapshotResponse, flags, 8)
      writer.number(message.term)
      writer.number(OUTCOMES.indexOf(message.outcome))
      writer.number(message.index)
      writer.number(message.round)
      writer.number(message.session)
      encodeShortage(writer, shortage)
      return writer.number(failedFetches ?? 0)
    }
    case 'TimeoutNow':
      writer.begin(FRAME.timeoutNow, 0, 1)
      return writer.number(message.term)
    case 'ReadIndexRequest':
      writer.begin(FRAME.readIndexRequest, 0, 2)
      writer.number(message.term)
      return writer.number(message.read)
    case 'ReadIndexResponse':
      writer.begin(FRAME.readIndexResponse, message.index === undefined ? 0 : 1, 3)
      writer.number(message.term)
      writer.number(message.read)
      return writer.number(message.index ?? 0)
    case 'ProposeRequest':
    case 'ProposeResponse':
      return encodeForwarded(writer, message)
  }
}

function encodeAppendEntriesResponse(writer: FrameWriter, message: AppendEntriesResponse): void {
  const { isAccepted, chain, shortage, digest, snapshot } = message
  const report = snapshot === undefined ? undefined : encodeJson(reportOf(snapshot))
  const flags =
    (isAccepted ? 1 : 0) |
    (chain === undefined ? 0 : 2) |
    (shortage === undefined ? 0 : 4) |
    (digest === undefined ? 0 : 8) |
    (report === undefined ? 0 : 16)
  writer.begin(FRAME.appendEntriesResponse, flags, digest === undefined ? 11 : 14, report?.length)
  writer.number(message.term)
  writer.number(message.index)
  writer.number(message.hintIndex)
  writer.number(message.hintTerm)
  writer.number(message.round)
  writer.number(message.session)
  writer.number(chain ?? 0)
  writer.number(message.applyLag ?? 0)
  writer.number(message.writeMs ?? 0)
  encodeShortage(writer, shortage)
  if (digest !== undefined) encodeDigest(writer, digest)
  if (report !== undefined) writer.rest(report)
}

function encodeShortage(writer: FrameWriter, shortage: Shortage | undefined): void {
  writer.number(shortage?.freeBytes ?? 0)
  writer.number(shortage?.neededBytes ?? 0)
}

function encodeDigest(writer: FrameWriter, { index, kind, value }: StateDigest): void {
  writer.number(index)
  writer.number(kind)
  writer.number(value)
}

const OUTCOMES: readonly (InstallSnapshotResponse['outcome'] | '')[] = ['', 'installed', 'fetching', 'failed']

/** Decodes the message of a frame. The term of a request is at least 1: there are no leaders or candidates in term 0. */
export function decodeMessage(frame: FrameCursor): PeerMessage {
  switch (frame.type) {
    case FRAME.appendEntriesRequest:
      return decodeAppendEntriesRequest(frame)
    case FRAME.appendEntriesResponse:
      return decodeAppendEntriesResponse(frame)
    case FRAME.requestVoteRequest:
      return { type: 'RequestVoteRequest', ...decodeCandidate(frame), isTransfer: (frame.flags & 1) !== 0 }
    case FRAME.requestVoteResponse:
      return { type: 'RequestVoteResponse', term: frame.integer(0, 'term'), isGranted: (frame.flags & 1) !== 0 }
    case FRAME.preVoteRequest:
      return { type: 'PreVoteRequest', ...decodeCandidate(frame) }
    case FRAME.preVoteResponse:
      return {
        type: 'PreVoteResponse',
        term: frame.integer(0, 'term'),
        isGranted: (frame.flags & 1) !== 0,
        isRemoved: (frame.flags & 2) !== 0,
      }
    case FRAME.installSnapshotRequest: {
      const info = readJson(frame.rest, SNAPSHOT_INFO_BYTES_MAX)
      return {
        type: 'InstallSnapshotRequest',
        term: frame.integer(0, 'term', 1),
        ...readOffer(info, info),
        round: frame.integer(1, 'round'),
        session: frame.integer(2, 'session'),
      }
    }
    case FRAME.installSnapshotResponse:
      return decodeInstallSnapshotResponse(frame)
    case FRAME.timeoutNow:
      return { type: 'TimeoutNow', term: frame.integer(0, 'term', 1) }
    case FRAME.readIndexRequest:
      return { type: 'ReadIndexRequest', term: frame.integer(0, 'term'), read: frame.integer(1, 'read') }
    case FRAME.readIndexResponse: {
      const index = (frame.flags & 1) === 0 ? undefined : frame.integer(2, 'index')
      return { type: 'ReadIndexResponse', term: frame.integer(0, 'term'), read: frame.integer(1, 'read'), index }
    }
    case FRAME.proposeRequest:
    case FRAME.proposeResponse:
      return decodeForwarded(frame)
    default:
      throw badMessage(`a frame of unknown type ${frame.type}`)
  }
}

function decodeAppendEntriesRequest(frame: FrameCursor): PackedAppendEntries {
  checkEntryId(frame, 1, 'prev')
  const request: Mutable<PackedAppendEntries> = {
    type: 'AppendEntriesRequest',
    term: frame.integer(0, 'term', 1),
    prevIndex: frame.integer(1, 'prevIndex'),
    prevTerm: frame.integer(2, 'prevTerm'),
    prevChain: frame.integer(3, 'prevChain', 0, CHECKSUM_MAX),
    commitIndex: frame.integer(4, 'commitIndex'),
    blocks: decodeBlocks(frame.rest),
    round: frame.integer(5, 'round'),
    session: frame.integer(6, 'session'),
  }
  if ((frame.flags & 1) !== 0) request.digestOfQuorum = decodeDigest(frame, 7)
  return request
}

function decodeInstallSnapshotResponse(frame: FrameCursor): InstallSnapshotResponse {
  return {
    type: 'InstallSnapshotResponse',
    term: frame.integer(0, 'term'),
    outcome: OUTCOMES[frame.integer(1, 'outcome', 1, 3)] as InstallSnapshotResponse['outcome'],
    index: frame.integer(2, 'index'),
    round: frame.integer(3, 'round'),
    session: frame.integer(4, 'session'),
    ...((frame.flags & 1) === 0 ? {} : { shortage: decodeShortage(frame, 5) }),
    ...((frame.flags & 2) === 0 ? {} : { failedFetches: frame.integer(7, 'failedFetches') }),
  }
}

function decodeAppendEntriesResponse(frame: FrameCursor): AppendEntriesResponse {
  const response: Mutable<AppendEntriesResponse> = {
    type: 'AppendEntriesResponse',
    term: frame.integer(0, 'term'),
    isAccepted: (frame.flags & 1) !== 0,
    index: frame.integer(1, 'index'),
    hintIndex: frame.integer(2, 'hintIndex'),
    hintTerm: frame.integer(3, 'hintTerm'),
    round: frame.integer(4, 'round'),
    session: frame.integer(5, 'session'),
    chain: (frame.flags & 2) === 0 ? undefined : frame.integer(6, 'chain', 0, CHECKSUM_MAX),
  }
  const applyLag = frame.integer(7, 'applyLag')
  const writeMs = frame.integer(8, 'writeMs')
  if (applyLag !== 0) response.applyLag = applyLag
  if ((frame.flags & 4) !== 0) response.shortage = decodeShortage(frame, 9)
  if (writeMs !== 0) response.writeMs = writeMs
  if ((frame.flags & 8) !== 0) response.digest = decodeDigest(frame, 11)
  if ((frame.flags & 16) !== 0) response.snapshot = readSnapshotReport(readJson(frame.rest, SNAPSHOT_INFO_BYTES_MAX))
  return response
}

function decodeShortage(frame: FrameCursor, position: number): Shortage {
  return { freeBytes: frame.integer(position, 'freeBytes'), neededBytes: frame.integer(position + 1, 'neededBytes') }
}

function decodeDigest(frame: FrameCursor, position: number): StateDigest {
  return {
    index: frame.integer(position, 'index'),
    kind: frame.integer(position + 1, 'kind', 0, CHECKSUM_MAX),
    value: frame.integer(position + 2, 'value', 0, CHECKSUM_MAX),
  }
}

function decodeCandidate(frame: FrameCursor): {
  readonly term: number
  readonly lastIndex: number
  readonly lastTerm: number
} {
  checkEntryId(frame, 1, 'last')
  return {
    term: frame.integer(0, 'term', 1),
    lastIndex: frame.integer(1, 'lastIndex'),
    lastTerm: frame.integer(2, 'lastTerm'),
  }
}

/** Index 0 and term 0 occur only together: they stand for the position before the log. */
function checkEntryId(frame: FrameCursor, position: number, name: string): void {
  const index = frame.integer(position, `${name}Index`)
  const term = frame.integer(position + 1, `${name}Term`)
  if ((index === 0) !== (term === 0)) throw badMessage(`${name}Index is ${index} but ${name}Term is ${term}`)
}

/** Checks the checksum and the shape of each block. The core checks whether its index and term fit the log. */
function decodeBlocks(bytes: Buffer): EncodedBlock[] {
  const blocks: EncodedBlock[] = []
  for (let start = 0; start < bytes.length; ) {
    const from = start + BLOCK_LENGTH_BYTES
    const to = from > bytes.length ? from : from + bytes.readUInt32LE(start)
    if (to > bytes.length) throw badMessage(`a block that ends ${to - bytes.length} bytes after its frame`)
    blocks.push(decodeOneBlock(bytes.subarray(from, to)))
    start = to
  }
  return blocks
}

function decodeOneBlock(bytes: Buffer): EncodedBlock {
  try {
    return decodeBlock(bytes)
  } catch (cause) {
    throw badMessage(errorMessage(cause), cause)
  }
}
