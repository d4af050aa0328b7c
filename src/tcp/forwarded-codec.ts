/** Encodes and decodes forwarded proposals and their answers. */
import type { PeerMessage } from '../contracts/transport.ts'
import { bodyBytes } from '../log-format/block.ts'
import { MESSAGE_READERS } from '../peer-link/message-fields.ts'
import { FRAME } from './frame-format.ts'
import type { FrameCursor } from './frame-reader.ts'
import type { FrameWriter } from './frame-writer.ts'
import { encodeJson, readJson } from './json-bytes.ts'

type Forwarded = Extract<PeerMessage, { type: 'ProposeRequest' | 'ProposeResponse' }>

/** The largest reason of a rejection; it names a limit or a node. */
const REJECTION_BYTES_MAX = 1024

export function encodeForwarded(writer: FrameWriter, message: Forwarded): void {
  const { term, origin, ticket } = message
  if (message.type === 'ProposeRequest') {
    const commands = bodyBytes(message.payload)
    writer.begin(FRAME.proposeRequest, 0, 6, commands.length)
    for (const number of [term, origin, ticket, message.lowest, message.count, message.checksum]) writer.number(number)
    return writer.rest(commands)
  }
  const { first, rejection } = message
  const reason = rejection === undefined ? new Uint8Array(0) : encodeJson(rejection)
  writer.begin(
    FRAME.proposeResponse,
    (first === undefined ? 0 : 1) | (rejection === undefined ? 0 : 2),
    4,
    reason.length,
  )
  for (const number of [term, origin, ticket, first ?? 0]) writer.number(number)
  writer.rest(reason)
}

/** `MESSAGE_READERS` checks the fields. */
export function decodeForwarded(frame: FrameCursor): Forwarded {
  const [term, origin, ticket] = ['term', 'origin', 'ticket'].map((name, position) => frame.integer(position, name))
  const fields = { term, origin, ticket }
  if (frame.type === FRAME.proposeRequest)
    return MESSAGE_READERS.ProposeRequest({
      ...fields,
      lowest: frame.integer(3, 'lowest'),
      count: frame.integer(4, 'count'),
      checksum: frame.integer(5, 'checksum'),
      commands: frame.rest,
    })
  return MESSAGE_READERS.ProposeResponse({
    ...fields,
    ...((frame.flags & 1) === 0 ? {} : { first: frame.integer(3, 'first') }),
    ...((frame.flags & 2) === 0 ? {} : { rejection: readJson(frame.rest, REJECTION_BYTES_MAX) }),
  })
}
