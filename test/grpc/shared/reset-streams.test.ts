/** A call that its client resets at once costs the server nothing, whatever it asks for. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { GrpcServer } from '../../../src/grpc/grpc-server.ts'

const FRAME = { headers: 1, resetStream: 3, settings: 4, goAway: 7 } as const
const END_STREAM_AND_HEADERS = 5

describe('a stream that is reset in the packet that opens it', () => {
  let server: GrpcServer
  beforeEach(async () => {
    server = new GrpcServer({ listen: '127.0.0.1:0', shutdownGraceMs: 50 })
    await server.start()
  })
  afterEach(() => server.close())

  for (const { what, contentType } of [
    { what: 'calls an unknown method', contentType: 'application/grpc' },
    { what: 'is no call of gRPC', contentType: 'text/html' },
  ])
    for (const code of [0, 2])
      it(`is ignored if it ${what}, with the error code ${code}`, async () => {
        const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1').resume()
        const headers = [
          [':method', 'POST'],
          [':scheme', 'http'],
          [':path', '/none'],
          [':authority', 'localhost'],
          ['content-type', contentType],
        ]
        socket.write(
          Buffer.concat([
            Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
            frame(FRAME.settings, 0, 0, Buffer.alloc(0)),
            frame(FRAME.headers, END_STREAM_AND_HEADERS, 1, Buffer.concat(headers.map(literal))),
            frame(FRAME.resetStream, 0, 1, Buffer.from([0, 0, 0, code])),
            frame(FRAME.goAway, 0, 0, Buffer.alloc(8)),
          ]),
        )
        await once(socket, 'close')
        await answered(server.address)
      })
})

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

/** The server still answers calls, even of methods that it does not know. */
async function answered(address: string): Promise<void> {
  const session = connectHttp2(`http://${address}`)
  const call = session.request({ ':method': 'POST', ':path': '/none', 'content-type': 'application/grpc' })
  const [headers] = await once(call.end(), 'response')
  assert.equal(headers['grpc-status'], '12')
  session.destroy()
}
