/** Frames on a socket: a kind, a length and checksums, so that a changed bit breaks the connection and nothing else. */
import type { Socket } from 'node:net'
import { crc32 } from 'node:zlib'

export type Kind = 'hello' | 'refusal' | 'ready' | 'message' | 'fetch' | 'chunk' | 'end' | 'gone'

export interface Frame {
  readonly kind: Kind
  readonly body: Buffer
}

const KINDS: readonly Kind[] = ['hello', 'refusal', 'ready', 'message', 'fetch', 'chunk', 'end', 'gone']
/** Kind, length of the body, checksum of the body, checksum of these twelve bytes. */
const HEADER_BYTES = 16

/** `onWritten` is called once the bytes have left this process. */
export function writeFrame(
  socket: Socket,
  kind: Kind,
  body: Uint8Array = Buffer.alloc(0),
  onWritten?: () => void,
): void {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(KINDS.indexOf(kind), 0)
  header.writeUInt32LE(body.length, 4)
  header.writeUInt32LE(crc32(body), 8)
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12)
  socket.cork()
  socket.write(header)
  socket.write(body, onWritten)
  socket.uncork()
}

export function writeJson(socket: Socket, kind: Kind, value: unknown): void {
  writeFrame(socket, kind, Buffer.from(JSON.stringify(value)))
}

/** Reads frames at the pace of the consumer. Throws at the first frame that is damaged or longer than `bodyBytesMax`. */
export async function* readFrames(socket: Socket, bodyBytesMax: number): AsyncGenerator<Frame, void, undefined> {
  let chunks: Buffer[] = []
  let size = 0
  let needed = HEADER_BYTES
  for await (const chunk of socket) {
    chunks.push(chunk)
    size += chunk.length
    if (size < needed) continue
    let rest = Buffer.concat(chunks)
    while (rest.length >= HEADER_BYTES) {
      const { kind, length, checksum } = readHeader(rest, bodyBytesMax)
      needed = HEADER_BYTES + length
      if (rest.length < needed) break
      const body = rest.subarray(HEADER_BYTES, needed)
      if (crc32(body) !== checksum) throw new Error(`a damaged ${kind}`)
      yield { kind, body }
      rest = rest.subarray(needed)
      needed = HEADER_BYTES
    }
    chunks = [rest]
    size = rest.length
  }
}

function readHeader(bytes: Buffer, bodyBytesMax: number): { kind: Kind; length: number; checksum: number } {
  if (crc32(bytes.subarray(0, 12)) !== bytes.readUInt32LE(12)) throw new Error('a damaged header')
  const kind = KINDS[bytes.readUInt32LE(0)]
  const length = bytes.readUInt32LE(4)
  if (kind === undefined || length > bodyBytesMax)
    throw new Error(`a frame of ${length} bytes, at most ${bodyBytesMax} are accepted`)
  return { kind, length, checksum: bytes.readUInt32LE(8) }
}
