/** Encodes and decodes all frames but the messages between nodes. They are rare, and contain JSON. */
import type { Refusal } from '../contracts/transport.ts'
import type { FetchRequest, Hello } from '../peer-link/frames.ts'
import { HANDSHAKE_BYTES_MAX } from '../peer-link/frames.ts'
import { readFetchRequest, readHello, readRefusal } from '../peer-link/hello-fields.ts'
import type { SnapshotFailure } from '../peer-link/snapshot-server.ts'
import { badMessage, readText, toPrintable } from '../peer-link/wire-fields.ts'
import { FRAME } from './frame-format.ts'
import type { FrameCursor } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { encodeJson, readJson } from './json-bytes.ts'

/** The longest text of an end or a failure. */
const TEXT_LENGTH_MAX = 1000

export function encodeHello(hello: Hello): readonly Uint8Array[] {
  return withJson(FRAME.hello, hello)
}

export function decodeHello(frame: FrameCursor): Hello {
  return readHello(readJson(frame.rest, HANDSHAKE_BYTES_MAX))
}

export function encodeRefusal({ code, message }: Refusal): readonly Uint8Array[] {
  return withJson(FRAME.refusal, { code, message: message.slice(0, TEXT_LENGTH_MAX) })
}

export function decodeRefusal(frame: FrameCursor): Refusal {
  return readRefusal(readJson(frame.rest, HANDSHAKE_BYTES_MAX))
}

/** The last frame of a connection, with the reason; of a snapshot that is complete, without one. */
export function encodeEnd(reason: string): readonly Uint8Array[] {
  return withJson(FRAME.end, { message: reason.slice(0, TEXT_LENGTH_MAX) })
}

export function decodeEnd(frame: FrameCursor): string {
  const { message } = readJson(frame.rest, HANDSHAKE_BYTES_MAX)
  return typeof message === 'string' ? toPrintable(message.slice(0, TEXT_LENGTH_MAX)) : ''
}

export function encodeFetch(request: FetchRequest): readonly Uint8Array[] {
  return withJson(FRAME.fetch, request)
}

export function decodeFetch(frame: FrameCursor): FetchRequest {
  return readFetchRequest(readJson(frame.rest, HANDSHAKE_BYTES_MAX))
}

/** Why a snapshot is not sent, or not to its end. */
export function encodeFailure(failure: SnapshotFailure, message: string): readonly Uint8Array[] {
  return withJson(FRAME.failure, { failure, message: message.slice(0, TEXT_LENGTH_MAX) })
}

export function decodeFailure(frame: FrameCursor): { readonly isGone: boolean; readonly message: string } {
  const fields = readJson(frame.rest, HANDSHAKE_BYTES_MAX)
  const failure = readText(fields, 'failure', /^[a-z]{1,20}$/)
  return {
    isGone: failure === 'gone',
    message: `${failure}: ${toPrintable(String(fields.message)).slice(0, TEXT_LENGTH_MAX)}`,
  }
}

/** A piece of a snapshot. The data is not copied. */
export function encodeChunk(offset: number, data: Uint8Array): readonly Uint8Array[] {
  const writer = new FrameWriter(1, 1)
  writer.begin(FRAME.chunk, 0, 1, data.length)
  writer.number(offset)
  writer.rest(data)
  return writer.finish()
}

export function decodeChunk(frame: FrameCursor): { readonly offset: number; readonly data: Buffer } {
  return { offset: frame.integer(0, 'offset'), data: frame.rest }
}

export function encodePing(type: typeof FRAME.ping | typeof FRAME.pong): readonly Uint8Array[] {
  const writer = new FrameWriter(1, 0)
  writer.begin(type, 0, 0)
  return writer.finish()
}

/** A frame that is not expected here. */
export function unexpectedFrame(frame: FrameCursor): Error {
  return badMessage(`a frame of type ${frame.type}, which is not expected here`)
}

function withJson(type: number, value: object): readonly Uint8Array[] {
  const json = encodeJson(value)
  const writer = new FrameWriter(1, 0)
  writer.begin(type, 0, 0, json.length)
  writer.rest(json)
  return writer.finish()
}
