/** The services are described in the source, so that a node loads no .proto file before a client calls. */
import assert from 'node:assert/strict'
import type { ServiceDefinition } from '@grpc/proto-loader'
import { PEER_CALLS } from '../../../src/grpc/peer/peer-proto.ts'
import { loadProtos } from '../../../src/grpc/shared/load-protos.ts'
import { CALLS } from '../../../src/grpc/shared/service-definitions.ts'

describe('the calls of a node', () => {
  // Both have a message of the same name.
  const loaded = {
    ...loadProtos(['quorate/v1/client.proto', 'quorate/v1/admin.proto', 'grpc/health/v1/health.proto']),
    ...loadProtos(['quorate/v1/peer.proto']),
  }
  const streamsOf = (service: string) =>
    Object.fromEntries(
      Object.entries(loaded[service] as ServiceDefinition).map(([name, { requestStream, responseStream }]) => [
        name,
        { requestStream, responseStream },
      ]),
    )

  for (const [service, calls] of Object.entries(CALLS))
    it(`of ${service} are those of its .proto file`, () => assert.deepEqual(calls, streamsOf(service)))

  it('between nodes are those of peer.proto', () => {
    const found = Object.values(PEER_CALLS).map(({ path, requestStream, responseStream }) => [
      path.slice('/quorate.v1.Peer/'.length),
      { requestStream, responseStream },
    ])
    assert.deepEqual(Object.fromEntries(found), streamsOf('quorate.v1.Peer'))
  })
})
