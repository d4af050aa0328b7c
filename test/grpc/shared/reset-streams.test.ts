/** A call that its client resets at once costs the server nothing, whatever it asks for. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { GrpcServer } from '../../../src/grpc/grpc-server.ts'
import { resetCall } from './reset-call.ts'

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
        socket.write(resetCall(contentType, code))
        await once(socket, 'close')
        await answered(server.address)
      })
})

/** The server still answers calls, even of methods that it does not know. */
async function answered(address: string): Promise<void> {
  const session = connectHttp2(`http://${address}`)
  const call = session.request({ ':method': 'POST', ':path': '/none', 'content-type': 'application/grpc' })
  const [headers] = await once(call.end(), 'response')
  assert.equal(headers['grpc-status'], '12')
  session.destroy()
}
