/** What may go wrong, as the caller sees it: one class, a stable code, and what the caller may conclude. */
import type { NodeId, Term } from './core/types.ts'

/** Whether the operation took effect: surely not, perhaps, or surely. */
export type Outcome = 'not-applied' | 'unknown' | 'applied'

/** Of every code: what may be concluded unless an error says otherwise. The only list; docs/reference/errors.md has a heading for each. */
export const ERROR_CODES = {
  // Calls on a cluster
  ERR_RAFT_NOT_LEADER: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_NO_LEADER: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_LEADER_TRANSFERRING: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_LEADER_NOT_READY: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_OUTCOME_UNKNOWN: { outcome: 'unknown', retryable: false },
  ERR_RAFT_ENTRY_OVERWRITTEN: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_OVERLOADED: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_TOO_LARGE: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_TIMEOUT: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_READ_FAILED: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_UNREACHABLE: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_CLOSED: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_ABORTED: { outcome: 'not-applied', retryable: false },
  // Membership and leadership
  ERR_RAFT_CHANGE_IN_PROGRESS: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_LEARNER_NOT_READY: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_BAD_CHANGE: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_UNSAFE_MEMBERSHIP: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_BAD_TARGET: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_REMOVED: { outcome: 'not-applied', retryable: false },
  // Identity
  ERR_RAFT_CLUSTER_MISMATCH: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_NODE_MISMATCH: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_DIRECTORY_MISMATCH: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_DUPLICATE_NODE: { outcome: 'not-applied', retryable: false },
  // Disk
  ERR_RAFT_DATA_DIR_LOCKED: { outcome: 'not-applied', retryable: true },
  ERR_RAFT_DATA_DIR_ACCESS: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_CORRUPT: { outcome: 'unknown', retryable: false },
  ERR_RAFT_FORMAT: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_NO_SPACE: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_STORAGE: { outcome: 'unknown', retryable: false },
  ERR_RAFT_COMPACTED: { outcome: 'not-applied', retryable: false },
  ERR_RAFT_SNAPSHOT_GONE: { outcome: 'not-applied', retryable: true },
  // Bytes from elsewhere
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
  // Ours and the user's bugs
  ERR_RAFT_APPLY: { outcome: 'unknown', retryable: false },
  ERR_RAFT_INTERNAL: { outcome: 'unknown', retryable: false },
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** The leader, as far as whoever raised the error knows it. */
export interface LeaderHint {
  readonly id: NodeId
  readonly address: string | undefined
  /** The term it leads, if known: a client follows one hint per term at once, and backs off before the next. */
  readonly term?: Term | undefined
}

export interface RaftErrorOptions {
  readonly outcome?: Outcome | undefined
  readonly retryable?: boolean | undefined
  readonly leader?: LeaderHint | undefined
  /** What to do about it, in one sentence. */
  readonly hint?: string | undefined
  /** Facts for programs (a size and its limit, a pid, both ids). */
  readonly details?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  readonly cause?: unknown
}

const BRAND = Symbol.for('quorate.RaftError')

/**
 * Every error this package rejects with. Test `error.code` (or `isRaftError(error, code)`), not the class: packages get duplicated.
 * `outcome` tells whether the operation took effect; `retryable` whether the same call may succeed later without harm.
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
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** Whether a value is a RaftError (of this copy of the package or another), and of this code if one is given. */
export function isRaftError(value: unknown, code?: ErrorCode): value is RaftError {
  if (typeof value !== 'object' || value === null || !(BRAND in value)) return false
  return code === undefined || (value as { readonly code?: unknown }).code === code
}
