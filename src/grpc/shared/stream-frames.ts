/** The frames of the client stream (proto/quorate/v1/client.proto), and the conversion of their fields. */
import type { ReadMode, ReadOptions } from '../../contracts/node-service.ts'
import type { SessionCommand } from '../../contracts/session.ts'
import type { MemberMetadata } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { ErrorFacts } from './error-facts.ts'
import { detailsText, factsFrom } from './error-facts.ts'

export type WireReadMode =
  | 'READ_MODE_UNSPECIFIED'
  | 'READ_MODE_LINEARIZABLE'
  | 'READ_MODE_LEASE'
  | 'READ_MODE_LOCAL'
  | 'READ_MODE_BOUNDED'

/** The fields of a request that concern a read. */
export interface WireReadFields {
  readonly mode: WireReadMode
  readonly atLeast?: number | undefined
  readonly maxStalenessMs?: number | undefined
}

export interface WireRequest extends WireReadFields {
  readonly id: number
  readonly kind:
    | 'REQUEST_KIND_UNSPECIFIED'
    | 'REQUEST_KIND_PROPOSE'
    | 'REQUEST_KIND_PROPOSE_IN_TERM'
    | 'REQUEST_KIND_QUERY'
  readonly payload: Uint8Array
  readonly timeoutMs: number
  readonly session?: WireSession | null | undefined
  readonly expectTerm?: number | undefined
  readonly leaderOnly?: boolean | undefined
}

export interface WireSession {
  readonly id: number
  readonly sequence: number
  readonly lowest: number
  readonly clusterId: string
}

export interface RequestFrame {
  readonly requests: readonly WireRequest[]
}

export interface WireResponse {
  readonly id: number
  readonly payload?: Uint8Array
  readonly index?: number
  readonly term?: number
  readonly failure?: WireFailure | null
}

export interface ResponseFrame {
  readonly responses: readonly WireResponse[]
}

export interface WireFailure {
  readonly code: string
  readonly message: string
  readonly outcome: string
  readonly retryable: boolean
  readonly hint: string
  readonly leader: {
    readonly id: string
    readonly address: string
    readonly term: number
    readonly metadata?: MemberMetadata
  } | null
  readonly details: string
}

const OUTCOMES = {
  'not-applied': 'OUTCOME_NOT_APPLIED',
  unknown: 'OUTCOME_UNKNOWN',
  applied: 'OUTCOME_APPLIED',
} as const
const OUTCOME_OF_WIRE: Readonly<Record<string, keyof typeof OUTCOMES>> = {
  OUTCOME_NOT_APPLIED: 'not-applied',
  OUTCOME_UNKNOWN: 'unknown',
  OUTCOME_APPLIED: 'applied',
}

export function failureOf({ code, message, outcome, retryable, hint, leader, details }: ErrorFacts): WireFailure {
  return {
    code,
    message,
    outcome: OUTCOMES[outcome],
    retryable,
    hint: hint ?? '',
    leader:
      leader === undefined
        ? null
        : {
            ...{ id: leader.id, address: leader.address ?? '', term: leader.term ?? 0 },
            ...(leader.metadata === undefined ? undefined : { metadata: leader.metadata }),
          },
    details: detailsText(details),
  }
}

export function factsOfFailure(failure: WireFailure): ErrorFacts {
  return factsFrom({
    ...failure,
    outcome: OUTCOME_OF_WIRE[failure.outcome],
    leader: failure.leader ?? undefined,
  })
}

export function wireSessionOf({ id, sequence, lowest = 0, clusterId = '' }: SessionCommand): WireSession {
  return { id, sequence, lowest, clusterId }
}

/** The option `forward` of a proposal: that of the node, unless the client wants the leader only. */
export function forwardOf(leaderOnly: boolean | undefined): boolean | undefined {
  return leaderOnly === true ? false : undefined
}

/** The node checks the numbers. */
export function sessionOf(session: WireSession | null | undefined): SessionCommand | undefined {
  if (!session) return undefined
  const { id, sequence, lowest, clusterId } = session
  return { id, sequence, lowest: lowest === 0 ? undefined : lowest, clusterId: clusterId || undefined }
}

const MODES: Readonly<Record<ReadMode, WireReadMode>> = {
  linearizable: 'READ_MODE_LINEARIZABLE',
  lease: 'READ_MODE_LEASE',
  local: 'READ_MODE_LOCAL',
}

/** Nodes of an older version do not know `maxStalenessMs`, so it has a mode of its own, which they reject. */
export function wireReadOf({ mode = 'linearizable', atLeast, maxStalenessMs }: ReadOptions): WireReadFields {
  return {
    mode: maxStalenessMs === undefined ? MODES[mode] : 'READ_MODE_BOUNDED',
    ...(atLeast === undefined ? undefined : { atLeast }),
    ...(maxStalenessMs === undefined ? undefined : { maxStalenessMs }),
  }
}

/** proto-loader passes a value that this version does not know as a number. */
function readModeOf(mode: WireReadMode | number): ReadMode {
  if (mode === 'READ_MODE_UNSPECIFIED' || mode === 'READ_MODE_LINEARIZABLE') return 'linearizable'
  if (mode === 'READ_MODE_LEASE') return 'lease'
  if (mode === 'READ_MODE_LOCAL') return 'local'
  throw new RaftError('ERR_RAFT_BAD_MESSAGE', `${mode} is not a read mode of this version`)
}

/** The node checks the numbers. */
export function readOptionsOf({ mode, atLeast, maxStalenessMs }: WireReadFields): ReadOptions {
  if (mode === 'READ_MODE_BOUNDED') return { mode: 'local', atLeast: atLeast || undefined, maxStalenessMs }
  return { mode: readModeOf(mode), atLeast: atLeast || undefined }
}

/** Checks a term or index; throws ERR_RAFT_BAD_MESSAGE unless it is an integer from 0 to 2^53 - 1. */
export function safeInteger(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new RaftError('ERR_RAFT_BAD_MESSAGE', `the ${name} of a message is not an integer below 2^53`, {
    outcome: 'unknown',
  })
}
