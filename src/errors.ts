/** The errors of this package: one class, and stable codes. */
import type { MemberMetadata, NodeId, Term } from './core/types.ts'

/** Whether the operation took effect: certainly not, possibly, or certainly. */
export type Outcome = 'not-applied' | 'unknown' | 'applied'

/** Every code, with the outcome and retryability of its errors unless an error states otherwise. docs/reference/errors.md explains each. */
export const ERROR_CODES = {
  // Calls on a cluster
  ERR_RAFT_NOT_LEADER: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_NO_LEADER: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_OTHER_TERM: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_LEADER_TRANSFERRING: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_LEADER_NOT_READY: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_OUTCOME_UNKNOWN: { outcome: 'unknown', retryable: false },
  ERR_RAFT_SESSION_EXPIRED: { outcome: 'unknown', retryable: false },
  ERR_RAFT_RESULT_DROPPED: { outcome: 'applied', retryable: false },
  ERR_RAFT_ENTRY_OVERWRITTEN: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_OVERLOADED: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_TOO_LARGE: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_TIMEOUT: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_READ_FAILED: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_LAGGING: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_UNREACHABLE: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_CLOSED: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_ABORTED: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_LEASE_LOST: { outcome: 'unknown', retryable: false },
  ERR_RAFT_UNAUTHENTICATED: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_UNAUTHORIZED: { outcome: 'not-applied', retryable: false },
  // Membership and leadership
  ERR_RAFT_CHANGE_IN_PROGRESS: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_MEMBERSHIP_CHANGED: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_LEARNER_NOT_READY: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_BAD_CHANGE: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_UNSAFE_MEMBERSHIP: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_BAD_TARGET: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_NOTHING_APPLIED: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_UNKNOWN_PEER: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_REMOVED: { outcome: 'not-applied', retryable: false },
  // Identity
  ERR_RAFT_CLUSTER_MISMATCH: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_CLUSTER_REPLACED: { outcome: 'unknown', retryable: false },
  ERR_RAFT_NODE_MISMATCH: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_STORAGE_MISMATCH: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_DIRECTORY_MISMATCH: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_DIRECTORY_ROLLED_BACK: { outcome: 'unknown', retryable: false },
  ERR_RAFT_DUPLICATE_DIRECTORY: { outcome: 'unknown', retryable: false },
  ERR_RAFT_DUPLICATE_NODE: { outcome: 'not-applied', retryable: false },
  // Disk
  ERR_RAFT_DATA_DIR_LOCKED: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_DATA_DIR_ACCESS: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_CORRUPT: { outcome: 'unknown', retryable: false },
  ERR_RAFT_DIVERGED: { outcome: 'unknown', retryable: false },
  ERR_RAFT_FORMAT: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_COMMAND_TOO_NEW: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_MACHINE_TOO_OLD: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_NO_SPACE: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_NO_DESCRIPTORS: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_STORAGE: { outcome: 'unknown', retryable: false },
  ERR_RAFT_COMPACTED: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_SNAPSHOT_GONE: { outcome: 'not-applied', retryable: true },
  // Received bytes
  ERR_RAFT_BAD_BLOCK: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_BAD_MESSAGE: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_PROTOCOL: { outcome: 'not-applied', retryable: false },
  // Starting
  ERR_RAFT_OPTIONS: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_RUNTIME: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_PORT_IN_USE: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_LISTEN: { outcome: 'not-applied', retryable: false },
  // Simulating
  ERR_RAFT_RUN_FILE: { outcome: 'not-applied', retryable: false },
  // Bugs: of the application's state machine, of a caller of quorate/core, and of quorate
  ERR_RAFT_APPLY: { outcome: 'unknown', retryable: false },
  ERR_RAFT_USAGE: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_INTERNAL: { outcome: 'unknown', retryable: false },
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** The leader, as far as the node that reported the error knows it. */
export interface LeaderHint {
  readonly id: NodeId
  readonly address: string | undefined
  /** Its term, if known. A client follows one hint per term at once, and backs off before the next. */
  readonly term?: Term | undefined
  /** What the leader says of itself (`metadata` of its node), such as the address of its HTTP service. */
  readonly metadata?: MemberMetadata | undefined
}

export interface RaftErrorOptions {
  readonly outcome?: Outcome | undefined
  readonly retryable?: boolean | undefined
  readonly leader?: LeaderHint | undefined
  /** What the caller or operator can do, in one sentence. */
  readonly hint?: string | undefined
  /** Data for programs, such as a size and its limit. */
  readonly details?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  readonly cause?: unknown
}

const BRAND = Symbol.for('quorate.RaftError')

/**
 * The error of every rejection. Test `error.code` or `isRaftError(error, code)`, not `instanceof`: a program may contain two copies
 * of this package. `outcome` is whether the operation took effect; `retryable`, whether repeating the call is safe and may help.
 */
export class RaftError extends Error {
  readonly code: ErrorCode
  readonly outcome: Outcome
  readonly retryable: boolean
  readonly leader: LeaderHint | undefined
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, string | number | boolean | undefined>>

  constructor(code: ErrorCode, message: string, options: RaftErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'RaftError'
    this.code = code
    this.outcome = options.outcome ?? ERROR_CODES[code].outcome
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable
    this.leader = options.leader
    this.hint = options.hint
    this.details = options.details ?? {}
  }
}

// Once for all errors: a property of each of them would cost as much as its other fields.
Object.defineProperty(RaftError.prototype, BRAND, { value: true })

/** Whether a value is a RaftError of any copy of this package, and has this code if one is given. */
export function isRaftError(value: unknown, code?: ErrorCode): value is RaftError {
  if (typeof value !== 'object' || value === null || !(BRAND in value)) return false
  return code === undefined || (value as { readonly code?: unknown }).code === code
}
