/** What nodes send to each other: frames of the TCP peer protocol, messages of the gRPC peer protocol, and blocks. */
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { PeerMessage } from '../../../src/contracts/transport.ts'
import {
  decodeChunk,
  decodeFetchRequest,
  decodeFrame,
  encodeChunk,
  encodeFetchRequest,
  encodeFrame,
} from '../../../src/grpc/peer/codec.ts'
import {
  completeBlock,
  decodeBlock,
  encodeBody,
  encodeMembership,
  encodeNoop,
  isEnveloped,
  payloadsOf,
} from '../../../src/log-format/block.ts'
import type { FetchRequest, Hello } from '../../../src/peer-link/frames.ts'
import {
  decodeEnvelope,
  encodeMachineVersion,
  encodeRegistration,
  encodeSessionCommand,
} from '../../../src/sessions/envelope.ts'
import * as control from '../../../src/tcp/control-frames.ts'
import {
  FRAME,
  HEADER_BYTES,
  LINK_PREFACE,
  MESSAGE_TYPE_MIN,
  NUMBER_BYTES,
  SNAPSHOT_PREFACE,
} from '../../../src/tcp/frame-format.ts'
import type { FrameCursor } from '../../../src/tcp/frame-reader.ts'
import { FrameReader } from '../../../src/tcp/frame-reader.ts'
import { decodeMessage } from '../../../src/tcp/message-codec.ts'
import { encodePeerMessage } from '../../../src/tcp/peer-message-codec.ts'
import { SAMPLE_MESSAGES } from '../../../src/testing/contracts/transport/sample-messages.ts'
import { SAMPLE_HELLO } from '../../peer-link/sample-hello.ts'
import type { FrozenFormat, Sample } from '../fixture-file.ts'
import { knownFields } from '../fixture-file.ts'
import { SAMPLE_BLOCKS } from './sample-log.ts'

const HELLO: Hello = { ...SAMPLE_HELLO, boot: { number: 3, id: 'boot-3', earlier: ['boot-2', 'boot-1'] } }
const REFUSAL = { code: 'ERR_RAFT_CLUSTER_MISMATCH', message: 'this is another cluster' }
const FETCH: FetchRequest = { hello: HELLO, id: '4-1000-a_b.c', offset: 2 ** 40 }
const DATA = Uint8Array.of(0, 1, 254, 255)

/** The samples of messages, numbered within their type. */
function messageSamples(encode: (message: PeerMessage) => Uint8Array): Sample[] {
  const counts = new Map<string, number>()
  return SAMPLE_MESSAGES.map((message) => {
    const number = (counts.get(message.type) ?? 0) + 1
    counts.set(message.type, number)
    return { name: `${message.type} ${number}`, bytes: encode(message) }
  })
}

const bytesOf = (buffers: readonly Uint8Array[]): Buffer => Buffer.concat(buffers)
const PREFACES: Readonly<Record<string, string>> = {
  'link preface': LINK_PREFACE,
  'snapshot preface': SNAPSHOT_PREFACE,
}

/** How the content of each frame that is not a message is read and written. */
const CONTROL_FRAMES: Readonly<
  Record<string, (frame: FrameCursor) => [content: unknown, buffers: readonly Uint8Array[]]>
> = {
  [FRAME.hello]: (frame) => both(control.decodeHello(frame), control.encodeHello),
  [FRAME.refusal]: (frame) => both(control.decodeRefusal(frame), control.encodeRefusal),
  [FRAME.ping]: () => [{}, control.encodePing(FRAME.ping)],
  [FRAME.pong]: () => [{}, control.encodePing(FRAME.pong)],
  [FRAME.end]: (frame) => both(control.decodeEnd(frame), control.encodeEnd),
  [FRAME.fetch]: (frame) => both(control.decodeFetch(frame), control.encodeFetch),
  [FRAME.chunk]: (frame) => both(control.decodeChunk(frame), ({ offset, data }) => control.encodeChunk(offset, data)),
  [FRAME.failure]: (frame) =>
    both(control.decodeFailure(frame), ({ message }) => {
      const [failure = '', text = ''] = message.split(': ')
      return control.encodeFailure(failure as 'gone', text)
    }),
}

function both<Value>(
  content: Value,
  encode: (content: Value) => readonly Uint8Array[],
): [content: unknown, buffers: readonly Uint8Array[]] {
  return [content, encode(content)]
}

function readTcp(bytes: Buffer, name: string): [content: unknown, rewritten: Uint8Array] {
  const preface = PREFACES[name]
  if (preface !== undefined) return [bytes.toString('latin1'), Buffer.from(preface)]
  const found: [unknown, Uint8Array][] = []
  const reader = new FrameReader(2 ** 20, false, (frame) => {
    if (frame.type >= MESSAGE_TYPE_MIN) {
      const message = decodeMessage(frame)
      found.push([message, encodePeerMessage(message)])
    } else {
      const read = CONTROL_FRAMES[frame.type] ?? assert.fail(`a frame of unknown type ${frame.type}`)
      const [content, buffers] = read(frame)
      found.push([content, bytesOf(buffers)])
    }
  })
  reader.push(bytes)
  const [only] = found
  assert.ok(only !== undefined && found.length === 1, `${name} is read as ${found.length} frames`)
  return only
}

/** The parts of a frame that ends with JSON; undefined for another frame. */
function jsonParts(frame: Buffer): { readonly head: string; readonly json: unknown } | undefined {
  if (frame.length <= HEADER_BYTES || Object.values(PREFACES).includes(frame.toString('latin1'))) return undefined
  const end = HEADER_BYTES + NUMBER_BYTES * frame.readUInt16LE(6)
  try {
    return { head: frame.toString('hex', 4, end), json: JSON.parse(frame.toString('utf8', end)) }
  } catch {
    return undefined
  }
}

export const tcpFrames: FrozenFormat = {
  name: 'tcp-frames',
  samples: () => [
    ...Object.entries(PREFACES).map(([name, text]) => ({ name, bytes: Buffer.from(text) })),
    { name: 'hello', bytes: bytesOf(control.encodeHello(HELLO)) },
    { name: 'refusal', bytes: bytesOf(control.encodeRefusal(REFUSAL)) },
    { name: 'ping', bytes: bytesOf(control.encodePing(FRAME.ping)) },
    { name: 'pong', bytes: bytesOf(control.encodePing(FRAME.pong)) },
    { name: 'end', bytes: bytesOf(control.encodeEnd('the node stops')) },
    { name: 'fetch', bytes: bytesOf(control.encodeFetch(FETCH)) },
    { name: 'chunk', bytes: bytesOf(control.encodeChunk(2 ** 40, DATA)) },
    { name: 'failure', bytes: bytesOf(control.encodeFailure('gone', 'there is no such snapshot')) },
    ...messageSamples(encodePeerMessage),
  ],
  isExtension: (rewritten, bytes) => {
    const [now, then] = [jsonParts(rewritten), jsonParts(bytes)]
    if (now === undefined || then === undefined) return false
    return isDeepStrictEqual({ ...now, json: knownFields(now.json, then.json) }, then)
  },
  read: (bytes, name) => readTcp(bytes, name)[0],
  rewrite: (bytes, name) => readTcp(bytes, name)[1],
}

export const grpcPeerMessages: FrozenFormat = {
  name: 'grpc-peer-messages',
  samples: () => [
    { name: 'Frame with a Hello', bytes: encodeFrame({ type: 'hello', hello: HELLO }) },
    { name: 'Frame with a Refusal', bytes: encodeFrame({ type: 'refusal', refusal: REFUSAL }) },
    { name: 'Frame with all messages', bytes: encodeFrame({ type: 'messages', messages: SAMPLE_MESSAGES }) },
    ...messageSamples((message) => encodeFrame({ type: 'messages', messages: [message] })),
    { name: 'FetchSnapshotRequest', bytes: encodeFetchRequest(FETCH) },
    { name: 'SnapshotChunk', bytes: encodeChunk({ type: 'data', offset: 2 ** 40, data: Buffer.from(DATA) }) },
    { name: 'SnapshotChunk with a Refusal', bytes: encodeChunk({ type: 'refusal', refusal: REFUSAL }) },
  ],
  read: (bytes, name) => {
    if (name === 'FetchSnapshotRequest') return decodeFetchRequest(bytes)
    return name.startsWith('SnapshotChunk') ? decodeChunk(bytes) : decodeFrame(bytes)
  },
  rewrite: (bytes, name) => {
    if (name === 'FetchSnapshotRequest') return encodeFetchRequest(decodeFetchRequest(bytes))
    return name.startsWith('SnapshotChunk') ? encodeChunk(decodeChunk(bytes)) : encodeFrame(decodeFrame(bytes))
  },
}

/** Blocks, as they are sent and stored; `sample-log.ts` writes one of every kind. */
export const blocks: FrozenFormat = {
  name: 'blocks',
  samples: () => SAMPLE_BLOCKS.map(({ kind, first, bytes }) => ({ name: `${kind} at ${first}`, bytes })),
  read: (bytes) => {
    const block = decodeBlock(bytes)
    const { bytes: _, ...header } = block
    const entries = payloadsOf(block).map((payload, at) => (isEnveloped(block, at) ? decodeEnvelope(payload) : payload))
    return { ...header, entries }
  },
  rewrite: (bytes) => {
    const block = decodeBlock(bytes)
    const { first, term, membership } = block
    if (membership !== undefined) return encodeMembership(first, term, membership).bytes
    if (block.kind === 'noop') return encodeNoop(first, term).bytes
    const offsets = Array.from({ length: block.count }, (_, offset) => offset).filter((at) => isEnveloped(block, at))
    const payloads = payloadsOf(block).map((payload, at) => (offsets.includes(at) ? rewriteEnvelope(payload) : payload))
    return completeBlock(first, term, encodeBody(payloads, new Set(offsets))).bytes
  },
}

function rewriteEnvelope(bytes: Uint8Array): Uint8Array {
  const envelope = decodeEnvelope(bytes)
  if (envelope.type === 'register') return encodeRegistration(envelope.time, envelope.limits)
  if (envelope.type === 'machineVersion') return encodeMachineVersion(envelope.version)
  return encodeSessionCommand(envelope.time, envelope, envelope.command)
}
