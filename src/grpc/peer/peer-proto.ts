/** The peer service as a grpc-js definition. Its calls carry raw bytes; only codec.ts decodes them, with messages loaded from proto/ once. */
import type { MethodDefinition } from '@grpc/grpc-js'
import type { ServiceDefinition } from '@grpc/proto-loader'
import { loadProtos } from '../shared/load-protos.ts'

/** Encodes and decodes one protobuf message type; throws on bytes that are not such a message. */
export interface WireType {
  encode(value: object): Buffer
  decode(bytes: Buffer): Readonly<Record<string, unknown>>
}

export interface PeerProto {
  readonly frame: WireType
  readonly fetchRequest: WireType
  readonly chunk: WireType
}

/** The calls of the service. */
export const PEER_CALLS: {
  readonly link: MethodDefinition<Buffer, Buffer>
  readonly fetchSnapshot: MethodDefinition<Buffer, Buffer>
} = {
  link: rawMethod('/quorate.v1.Peer/Link', true),
  fetchSnapshot: rawMethod('/quorate.v1.Peer/FetchSnapshot', false),
}

let loaded: PeerProto | undefined

/** Loaded at the first use. */
export function peerProto(): PeerProto {
  loaded ??= load()
  return loaded
}

function load(): PeerProto {
  const definitions = loadProtos(['quorate/v1/peer.proto'], { arrays: true, oneofs: true })
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
