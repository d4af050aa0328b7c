/** The peer service as a grpc-js definition, loaded from proto/ once. Its calls carry raw bytes; only codec.ts decodes them. */
import { fileURLToPath } from 'node:url'
import type { MethodDefinition } from '@grpc/grpc-js'
import type { PackageDefinition, ServiceDefinition } from '@grpc/proto-loader'
import { loadSync } from '@grpc/proto-loader'

/** Encodes and decodes one protobuf message type; throws on bytes that are not such a message. */
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

/** Loaded at the first use, so that importing this package stays cheap. */
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

/** A method whose messages stay raw bytes, so that a malformed message is answered with a reason; grpc-js gives none. */
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
