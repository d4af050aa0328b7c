/** What the determinism guard knows about a function or value that a state machine must not use. */

/**
 * A kind of calls that the determinism guard rejects: the clock and random numbers; timers and microtasks; the locale and time zone; the
 * file system; environment variables; the process, such as `process.pid`; the host, such as `os.hostname()`; sockets, HTTP and DNS; child
 * processes; worker threads; the collection of garbage.
 */
export type GuardedKind =
  | 'time'
  | 'randomness'
  | 'timers'
  | 'locale'
  | 'timeZone'
  | 'files'
  | 'environment'
  | 'process'
  | 'host'
  | 'network'
  | 'childProcesses'
  | 'threads'
  | 'garbageCollection'

export const GUARDED_KINDS: readonly GuardedKind[] = Object.keys({
  time: true,
  randomness: true,
  timers: true,
  locale: true,
  timeZone: true,
  files: true,
  environment: true,
  process: true,
  host: true,
  network: true,
  childProcesses: true,
  threads: true,
  garbageCollection: true,
} satisfies Record<GuardedKind, true>) as GuardedKind[]

/** A guarded function: the object it belongs to, its name in messages, and what to use instead. */
export interface ForbiddenCall {
  readonly kind: GuardedKind
  readonly owner: object
  readonly name: string
  /** The call as a person writes it: `Date.now()`. */
  readonly displayName: string
  readonly remedy: string
  /** Whether the call is deterministic with these arguments. By default it never is. */
  isAllowed?(args: readonly unknown[], isNew: boolean): boolean
  /** Another kind of call that it is with these arguments. */
  variant?(args: readonly unknown[], isNew: boolean): Pick<ForbiddenCall, 'kind' | 'displayName' | 'remedy'> | undefined
}

/** A guarded property, such as `process.pid`. If `isObject`, its properties are guarded instead, as in `process.env.HOME`. */
export interface ForbiddenValue {
  readonly kind: GuardedKind
  readonly owner: object
  readonly name: string
  readonly displayName: string
  readonly remedy: string
  readonly isObject?: boolean
}
