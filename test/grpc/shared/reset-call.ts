/** The bytes of a client that resets its call in the packet that opens it. */

const FRAME = { headers: 1, resetStream: 3, settings: 4, goAway: 7 } as const
const END_STREAM_AND_HEADERS = 5

/** A connection of HTTP/2 with one call of a method that no server has, which ends with this error code, and with it the connection. */
export function resetCall(contentType: string, code: number): Buffer {
  const headers = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/none'],
    [':authority', 'localhost'],
    ['content-type', contentType],
  ]
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(FRAME.settings, 0, 0, Buffer.alloc(0)),
    frame(FRAME.headers, END_STREAM_AND_HEADERS, 1, Buffer.concat(headers.map(literal))),
    frame(FRAME.resetStream, 0, 1, Buffer.from([0, 0, 0, code])),
    frame(FRAME.goAway, 0, 0, Buffer.alloc(8)),
  ])
}

/** A frame of HTTP/2. */
function frame(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(body.length, 0, 3)
  header.writeUInt8(type, 3)
  header.writeUInt8(flags, 4)
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, body])
}

/** A short header field as a literal that is not indexed (RFC 7541, 6.2.2). */
function literal(field: readonly string[]): Buffer {
  return Buffer.concat([Buffer.of(0), ...field.flatMap((text) => [Buffer.of(text.length), Buffer.from(text)])])
}
