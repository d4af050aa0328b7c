/** Encodes an error as `grpc-status-details-bin`: a google.rpc.Status with an ErrorInfo, and a RetryInfo if it is retryable. */
import type { MessageTypeDefinition } from '@grpc/proto-loader'
import type { ErrorFacts } from './error-facts.ts'
import { detailsText, factsFrom } from './error-facts.ts'
import { messageType } from './service-definitions.ts'

interface WireStatus {
  readonly code: number
  readonly message: string
  /** protobufjs brings its own google.protobuf.Any, whose field names stay in snake case. */
  readonly details: readonly WireAny[]
}

interface WireAny {
  readonly type_url: string
  readonly value: Uint8Array
}

interface WireErrorInfo {
  readonly reason: string
  readonly domain: string
  readonly metadata: Readonly<Record<string, string>>
}

interface WireRetryInfo {
  readonly retryDelay: { readonly seconds: number; readonly nanos: number } | null
}

const ERROR_INFO_URL = 'type.googleapis.com/google.rpc.ErrorInfo'
const RETRY_INFO_URL = 'type.googleapis.com/google.rpc.RetryInfo'
const DOMAIN = 'quorate'
const CODE_PREFIX = 'ERR_RAFT_'

/** The delay that the RetryInfo suggests. */
const RETRY_DELAY_MS = 50

export function encodeDetails(status: number, message: string, facts: ErrorFacts): Buffer {
  const info: WireErrorInfo = {
    reason: facts.code.slice(CODE_PREFIX.length),
    domain: DOMAIN,
    metadata: metadataOf(facts),
  }
  const details: WireAny[] = [{ type_url: ERROR_INFO_URL, value: errorInfo().serialize(info) }]
  if (facts.retryable) {
    const retry = { retryDelay: { seconds: 0, nanos: RETRY_DELAY_MS * 1_000_000 } }
    details.push({
      type_url: RETRY_INFO_URL,
      value: messageType<WireRetryInfo>('google.rpc.RetryInfo').serialize(retry),
    })
  }
  return rpcStatus().serialize({ code: status, message, details })
}

/** Returns undefined if the bytes are not details of a RaftError. */
export function decodeDetails(bytes: Uint8Array): ErrorFacts | undefined {
  try {
    const { message, details } = rpcStatus().deserialize(Buffer.from(bytes))
    const packed = details.find(({ type_url }) => type_url === ERROR_INFO_URL)
    if (packed === undefined) return undefined
    const { reason, domain, metadata } = errorInfo().deserialize(Buffer.from(packed.value))
    if (domain !== DOMAIN) return undefined
    const id = metadata['leader-id']
    return factsFrom({
      code: `${CODE_PREFIX}${reason}`,
      message,
      outcome: metadata.outcome,
      retryable: metadata.retryable === 'true',
      hint: metadata.hint,
      leader:
        id === undefined
          ? undefined
          : {
              ...{ id, address: metadata['leader-address'], term: Number(metadata['leader-term'] ?? 0) },
              metadata: parseText(metadata['leader-metadata']),
            },
      details: metadata.details,
    })
  } catch {
    return undefined
  }
}

/** Undefined unless it is JSON. */
function parseText(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function metadataOf({ outcome, retryable, hint, leader, details }: ErrorFacts): Record<string, string> {
  const metadata: Record<string, string> = { outcome, retryable: String(retryable) }
  if (hint !== undefined) metadata.hint = hint
  if (leader !== undefined) metadata['leader-id'] = leader.id
  if (leader?.address !== undefined) metadata['leader-address'] = leader.address
  if (leader?.term !== undefined) metadata['leader-term'] = String(leader.term)
  if (leader?.metadata !== undefined) metadata['leader-metadata'] = JSON.stringify(leader.metadata)
  const text = detailsText(details)
  if (text !== '') metadata.details = text
  return metadata
}

function rpcStatus(): MessageTypeDefinition<WireStatus, WireStatus> {
  return messageType('google.rpc.Status')
}

function errorInfo(): MessageTypeDefinition<WireErrorInfo, WireErrorInfo> {
  return messageType('google.rpc.ErrorInfo')
}
