/** The peer service as grpc-js wants it, read from proto/ once; calls carry bytes as they are, and codec.ts alone looks inside. */
import { fileURLToPath } from 'node:url'
import type { MethodDefinition } from '@grpc/grpc-js'
import type { PackageDefinition, ServiceDefinition } from '@grpc/proto-loader'
import { loadSync } from '@grpc/proto-loader'

/** Turns plain objects of one message into bytes and back; throws on bytes that are no such message. */
export interface WireType {
  encode(value: object): Buffer
  decode(bytes: Buffer): Readonly<Record<string, unknown>>
}

export interface PeerProto {
  readonly frame: WireType
  readonly fetchRequest: WireType
  readonly chunk: WireType
  readonly link: MethodDefinition<Buffer, Buffer>
  readonly fetchSnapshot: MethodDefinition<Buffer, Buffer>
}

let loaded: PeerProto | undefined

/** Read at the first use, not at import: who only imports this package should not pay for it. */
export function peerProto(): PeerProto {
  loaded ??= load()
  return loaded
}

function load(): PeerProto {
  const definitions: PackageDefinition = loadSync('quorate/v1/peer.proto', {
    includeDirs: [fileURLToPath(new URL('../../../proto', import.meta.url))],
    longs: Number,
    enums: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  })
  const service = definitions['quorate.v1.Peer'] as ServiceDefinition
  const { Link: link, FetchSnapshot: fetchSnapshot } = service
  if (link === undefined || fetchSnapshot === undefined) throw new Error('proto/quorate/v1/peer.proto lacks a method')
  return {
    frame: { encode: link.requestSerialize, decode: link.requestDeserialize as WireType['decode'] },
    fetchRequest: {
      encode: fetchSnapshot.requestSerialize,
      decode: fetchSnapshot.requestDeserialize as WireType['decode'],
    },
    chunk: { encode: fetchSnapshot.responseSerialize, decode: fetchSnapshot.responseDeserialize as WireType['decode'] },
    link: rawMethod(link.path, true),
    fetchSnapshot: rawMethod(fetchSnapshot.path, false),
  }
}

/** A method whose messages stay bytes: what is malformed can then be answered in words, which grpc-js would not. */
function rawMethod(path: string, requestStream: boolean): MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes
  return {
    path,
    requestStream,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}
