/** Who answers a call that this node has made over gRPC. */
import { X509Certificate } from 'node:crypto'
import type { ClientDuplexStream, ClientReadableStream } from '@grpc/grpc-js'
import type { Caller } from '../../access/caller.ts'
import { callerWithCertificate, UNIDENTIFIED } from '../../access/caller.ts'

/** Known once the answer has begun. grpc-js has verified the certificate. */
export function answererOf(call: ClientDuplexStream<Buffer, Buffer> | ClientReadableStream<Buffer>): Caller {
  const { transportSecurityType, sslPeerCertificate } = call.getAuthContext() ?? {}
  if (transportSecurityType === undefined) return UNIDENTIFIED
  if (sslPeerCertificate?.raw === undefined) return { kind: 'anonymous' }
  return callerWithCertificate(() => new X509Certificate(sslPeerCertificate.raw), undefined)
}
