/** The replicated table of client sessions (thesis §6.3): which commands each session has had applied, and their results. */
import type { QueueStatus, SessionStatus } from '../contracts/node-service.ts'
import type { SessionId } from '../contracts/session.ts'
import type { LogIndex, Term } from '../core/types.ts'
import type { SessionLimits } from './limits.ts'

/** The result of an applied command, and the place of its entry. */
export interface AppliedResult {
  readonly index: LogIndex
  readonly term: Term
  /**
   * The encoded result, one character per byte (latin1): many small byte arrays would cost more memory and time. Undefined if it was dropped, or
   * cannot be encoded.
   */
  bytes: string | undefined
}

export interface Session {
  readonly id: SessionId
  /** The log time of its last command. */
  activeAt: number
  /** The lowest sequence number that the client still waits for. */
  lowest: number
  /** The applied commands from `lowest` on, by sequence number. */
  readonly results: Map<number, AppliedResult>
}

/** What becomes of a command: it is executed and then recorded, or answered from the table, or refused. */
export type Verdict =
  | { readonly type: 'execute'; readonly session: Session }
  | { readonly type: 'repeated'; readonly result: AppliedResult }
  | { readonly type: 'unknownSession' }
  | { readonly type: 'belowLowest'; readonly lowest: number }
  | { readonly type: 'tooFarAhead'; readonly lowest: number; readonly max: number }

const NO_LIMITS: SessionLimits = {
  sessionTimeoutMs: 0,
  sessionsMax: 0,
  sessionCommandsMax: 0,
  sessionResultsMax: 0,
  sessionResultBytesMax: 0,
}

const UNKNOWN_SESSION: Verdict = { type: 'unknownSession' }

/** Everything here is decided by the entries alone, so that the table is equal on all nodes; only dropped results may differ. */
export class SessionTable {
  #time = 0
  #limits = NO_LIMITS
  /** The one that was idle longest comes first: a command moves its session to the end. */
  #sessions = new Map<SessionId, Session>()
  /** The last of them, or one that is gone. */
  #newest: Session | undefined
  #resultCount = 0
  #resultBytes = 0
  /** The results that have bytes, the oldest first. */
  readonly #withBytes = new Set<AppliedResult>()
  #repeated = 0
  #timedOut = 0
  #evicted = 0

  /** The log time: the highest that an applied entry carried. */
  get time(): number {
    return this.#time
  }

  get limits(): SessionLimits {
    return this.#limits
  }

  /** The sessions, from the one that was idle longest. */
  get sessions(): Iterable<Session> {
    return this.#sessions.values()
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  /** The number of applied commands that clients may still repeat. */
  get resultCount(): number {
    return this.#resultCount
  }

  get resultBytes(): number {
    return this.#resultBytes
  }

  /** Whether a session was ever registered. */
  get isUsed(): boolean {
    return this.#limits !== NO_LIMITS
  }

  /** How full the table is. Nothing is rejected at these limits: the session that was idle longest is removed, or the oldest result. */
  get queues(): readonly QueueStatus[] {
    if (!this.isUsed) return []
    const { sessionsMax, sessionResultsMax, sessionResultBytesMax } = this.#limits
    return [
      { limit: 'sessionsMax', used: this.#sessions.size, max: sessionsMax },
      { limit: 'sessionResultsMax', used: this.#resultCount, max: sessionResultsMax },
      { limit: 'sessionResultBytesMax', used: this.#resultBytes, max: sessionResultBytesMax },
    ]
  }

  get status(): SessionStatus {
    return { count: this.#sessions.size, repeated: this.#repeated, timedOut: this.#timedOut, evicted: this.#evicted }
  }

  register(id: SessionId, time: number, limits: SessionLimits): void {
    this.#limits = limits
    this.#advance(time)
    this.#newest = { id, activeAt: this.#time, lowest: 1, results: new Map() }
    this.#sessions.set(id, this.#newest)
    this.#enforceLimits()
  }

  /** Decides about a command, which must be executed and recorded at once if the verdict is `execute`. */
  command(id: SessionId, sequence: number, lowest: number, time: number): Verdict {
    this.#advance(time)
    const session = this.#sessions.get(id)
    if (session === undefined) return UNKNOWN_SESSION
    this.#touch(session)
    if (lowest > session.lowest) this.#acknowledge(session, lowest)
    if (sequence < session.lowest) return { type: 'belowLowest', lowest: session.lowest }
    const result = session.results.get(sequence)
    if (result !== undefined) {
      this.#repeated++
      return { type: 'repeated', result }
    }
    const max = this.#limits.sessionCommandsMax
    if (sequence >= session.lowest + max) return { type: 'tooFarAhead', lowest: session.lowest, max }
    return { type: 'execute', session }
  }

  record(session: Session, sequence: number, result: AppliedResult): void {
    session.results.set(sequence, result)
    this.#resultCount++
    this.#count(result)
    this.#enforceLimits()
  }

  /** Replaces everything, as a snapshot says. The sessions come from the one that was idle longest. */
  replace(time: number, limits: SessionLimits | undefined, sessions: readonly Session[]): void {
    this.#time = time
    this.#limits = limits ?? NO_LIMITS
    this.#sessions = new Map(sessions.map((session) => [session.id, session]))
    this.#newest = sessions.at(-1)
    this.#resultCount = 0
    this.#resultBytes = 0
    this.#withBytes.clear()
    const results = sessions.flatMap((session) => [...session.results.values()])
    for (const result of results.sort((a, b) => a.index - b.index)) {
      this.#resultCount++
      this.#count(result)
    }
  }

  /** Moves the session to the end, unless it is there. */
  #touch(session: Session): void {
    session.activeAt = this.#time
    if (this.#newest === session) return
    this.#newest = session
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }

  #advance(time: number): void {
    if (time <= this.#time) return
    this.#time = time
    for (const session of this.#sessions.values()) {
      if (session.activeAt + this.#limits.sessionTimeoutMs > time) return
      this.#remove(session)
      this.#timedOut++
    }
  }

  /** Drops the results below `lowest`, whichever is shorter: counting up to it, or looking at all results. */
  #acknowledge(session: Session, lowest: number): void {
    const { results } = session
    if (lowest - session.lowest <= results.size) {
      for (let sequence = session.lowest; sequence < lowest; sequence++) this.#forget(results, sequence)
    } else {
      for (const sequence of [...results.keys()]) if (sequence < lowest) this.#forget(results, sequence)
    }
    session.lowest = lowest
  }

  #forget(results: Map<number, AppliedResult>, sequence: number): void {
    const result = results.get(sequence)
    if (result === undefined) return
    results.delete(sequence)
    this.#resultCount--
    this.#dropBytes(result)
  }

  #count(result: AppliedResult): void {
    if (result.bytes === undefined || result.bytes.length === 0) return
    this.#resultBytes += result.bytes.length
    this.#withBytes.add(result)
  }

  #dropBytes(result: AppliedResult): void {
    if (this.#withBytes.delete(result)) this.#resultBytes -= result.bytes?.length ?? 0
  }

  #enforceLimits(): void {
    const { sessionsMax, sessionResultsMax, sessionResultBytesMax } = this.#limits
    while (this.#sessions.size > sessionsMax || this.#resultCount > sessionResultsMax) {
      this.#remove(this.#sessions.values().next().value as Session)
      this.#evicted++
    }
    while (this.#resultBytes > sessionResultBytesMax) {
      const oldest = this.#withBytes.values().next().value as AppliedResult
      this.#dropBytes(oldest)
      oldest.bytes = undefined
    }
  }

  #remove(session: Session): void {
    this.#sessions.delete(session.id)
    this.#resultCount -= session.results.size
    for (const result of session.results.values()) this.#dropBytes(result)
  }
}
