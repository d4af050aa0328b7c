/** The parts of a RaftError that are sent to a client, in a status or in a failure on the stream, with bounded sizes. */
import type { MemberMetadata } from '../../core/types.ts'
import type { ErrorCode, LeaderHint, Outcome } from '../../errors.ts'
import { ERROR_CODES, RaftError } from '../../errors.ts'
import { metadataProblem, sortedMetadata } from '../../log-format/member-metadata.ts'

export interface ErrorFacts {
  readonly code: ErrorCode
  readonly message: string
  readonly outcome: Outcome
  readonly retryable: boolean
  readonly hint: string | undefined
  readonly leader: LeaderHint | undefined
  readonly details: RaftError['details']
}

/** The trailers of a call share one header block of 16 KiB, so these texts are kept short. */
const MESSAGE_CHARS_MAX = 4096
const TEXT_CHARS_MAX = 1024
const DETAILS_CHARS_MAX = 2048

export function factsOf(error: RaftError): ErrorFacts {
  const { code, outcome, retryable, leader } = error
  return {
    code: isErrorCode(code) ? code : 'ERR_RAFT_INTERNAL',
    message: wellFormed(String(error.message).slice(0, MESSAGE_CHARS_MAX)),
    outcome,
    retryable,
    hint: error.hint === undefined ? undefined : wellFormed(error.hint.slice(0, TEXT_CHARS_MAX)),
    leader,
    details: error.details,
  }
}

export function errorFromFacts({ code, message, ...rest }: ErrorFacts): RaftError {
  return new RaftError(code, message, rest)
}

/** Checks every received field. An error code of a newer version keeps its outcome, and is put into the details. */
export function factsFrom(received: {
  readonly code: string
  readonly message: string
  readonly outcome: string | undefined
  readonly retryable: boolean
  readonly hint: string | undefined
  readonly leader:
    | {
        readonly id: string
        readonly address: string | undefined
        readonly term: number
        readonly metadata?: unknown
      }
    | undefined
  readonly details: string | undefined
}): ErrorFacts {
  const isKnown = isErrorCode(received.code)
  const outcome = isOutcome(received.outcome) ? received.outcome : 'unknown'
  const { leader } = received
  return {
    code: isKnown ? received.code : outcome === 'unknown' ? 'ERR_RAFT_OUTCOME_UNKNOWN' : 'ERR_RAFT_INTERNAL',
    message: isKnown ? received.message : `${received.code}: ${received.message}`,
    outcome,
    retryable: received.retryable && outcome === 'not-applied',
    hint: received.hint || undefined,
    leader:
      leader === undefined || leader.id === ''
        ? undefined
        : {
            id: leader.id,
            address: leader.address || undefined,
            term: Number.isSafeInteger(leader.term) && leader.term > 0 ? leader.term : undefined,
            ...metadataFact(leader.metadata),
          },
    details: isKnown ? parseDetails(received.details) : { ...parseDetails(received.details), code: received.code },
  }
}

/** Metadata that is missing, empty or invalid is left out. */
function metadataFact(metadata: unknown): { readonly metadata?: MemberMetadata } {
  if (metadataProblem(metadata) !== undefined || Object.keys(metadata as MemberMetadata).length === 0) return {}
  return { metadata: sortedMetadata(metadata as MemberMetadata) }
}

export function detailsText(details: ErrorFacts['details']): string {
  const text = wellFormed(JSON.stringify(details))
  return text === '{}' || text.length > DETAILS_CHARS_MAX ? '' : text
}

function parseDetails(text: string | undefined): ErrorFacts['details'] {
  if (text === undefined || text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
    const plain = Object.entries(value).filter(([, fact]) => ['string', 'number', 'boolean'].includes(typeof fact))
    return Object.fromEntries(plain) as ErrorFacts['details']
  } catch {
    return {}
  }
}

/** Replaces lone surrogates: they have no UTF-8 encoding, and grpc-js throws on them. */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text)
}

function isOutcome(text: string | undefined): text is Outcome {
  return text === 'not-applied' || text === 'unknown' || text === 'applied'
}
