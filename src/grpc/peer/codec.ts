/** Encodes and decodes peer messages. It checks shape and range, and throws ERR_RAFT_BAD_MESSAGE; the core checks meaning. */
import type { PeerMessage, Refusal } from '../../contracts/transport.ts'
import { bodyBytes } from '../../log-format/block.ts'
import type { FetchRequest, Frame } from '../../peer-link/frames.ts'
import { FRAME_MESSAGES_MAX } from '../../peer-link/frames.ts'
import { readFetchRequest, readHello, readRefusal, reportOf } from '../../peer-link/hello-fields.ts'
import { MESSAGE_READERS } from '../../peer-link/message-fields.ts'
import type { Fields } from '../../peer-link/wire-fields.ts'
import { badMessage, readInteger, readList, readObject } from '../../peer-link/wire-fields.ts'
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
  switch (message.type) {
    case 'AppendEntriesRequest':
      return { appendEntriesRequest: { ...message, blocks: message.blocks.map((block) => block.bytes) } }
    case 'AppendEntriesResponse': {
      const { snapshot } = message
      return {
        appendEntriesResponse: snapshot === undefined ? message : { ...message, snapshot: reportOf(snapshot) },
      }
    }
    case 'InstallSnapshotResponse':
      return { installSnapshotResponse: { ...message, outcome: message.outcome.toUpperCase() } }
    case 'ProposeRequest':
      return { proposeRequest: { ...message, commands: bodyBytes(message.payload) } }
    default:
      return { [fieldOf(message.type)]: message }
  }
}

function fieldOf(type: PeerMessage['type']): string {
  return type.charAt(0).toLowerCase() + type.slice(1)
}

function fromWire(fields: Fields): PeerMessage {
  const name = fields.message
  const read = typeof name === 'string' ? READERS_BY_FIELD.get(name) : undefined
  if (read === undefined) throw badMessage('a message of unknown type')
  const message = readObject(fields, name as string)
  return read(typeof message.outcome === 'string' ? { ...message, outcome: message.outcome.toLowerCase() } : message)
}

const READERS_BY_FIELD = new Map<string, (from: Fields) => PeerMessage>(
  Object.entries(MESSAGE_READERS).map(([type, read]) => [fieldOf(type as PeerMessage['type']), read]),
)
