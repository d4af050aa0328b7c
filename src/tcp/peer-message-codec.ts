/** Encodes and decodes one message between nodes, for transports of one's own: it is a frame of the TCP peer protocol. */
import type { PeerMessage } from '../contracts/transport.ts'
import { PEER_LINK_DEFAULTS } from '../peer-link/limits.ts'
import { badMessage } from '../peer-link/wire-fields.ts'
import { FRAME_OVERHEAD_BYTES, HEADER_BYTES } from './frame-format.ts'
import { FrameCursor } from './frame-reader.ts'
import { decodeMessage, encodeMessages } from './message-codec.ts'

/** Options of `decodePeerMessage`. */
export interface DecodeOptions {
  /**
   * The largest message that is decoded, in bytes as `messageBytes` counts them. By default that of the transports, 32 MiB. Check the length
   * before you keep the bytes.
   */
  readonly bytesMax?: number | undefined
}

/** The bytes of a message. */
export function encodePeerMessage(message: PeerMessage): Uint8Array {
  return Buffer.concat(encodeMessages([message]))
}

/**
 * The message with these bytes. Throws ERR_RAFT_BAD_MESSAGE if they are not exactly one message, a field is out of range, the checksum of a block
 * does not match, or there are too many. Fields without a checksum may have changed on the way: protect the bytes. The blocks of the message
 * share the memory of `bytes`.
 */
export function decodePeerMessage(bytes: Uint8Array, options: DecodeOptions = {}): PeerMessage {
  const { bytesMax = PEER_LINK_DEFAULTS.messageBytesMax } = options
  if (bytes.length > bytesMax + FRAME_OVERHEAD_BYTES)
    throw badMessage(`a message of ${bytes.length} bytes; at most ${bytesMax + FRAME_OVERHEAD_BYTES} are accepted`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const size = bytes.length < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + view.getUint32(0, true)
  if (size !== bytes.length) throw badMessage(`a message of ${size} bytes within ${bytes.length} bytes`)
  const frame = new FrameCursor()
  const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  frame.moveTo(own, view, { start: 0, end: size, isReused: false })
  return decodeMessage(frame)
}
