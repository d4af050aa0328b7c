/** The client's end of a request stream: batches the requests of one turn, and tracks which requests were sent. */
import type { ClientDuplexStream, Metadata, ServiceError } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Mutable } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { Deadlines } from '../../platform/deadlines.ts'
import { errorFromFacts } from '../shared/error-facts.ts'
import { assertPayloadSize, SERVICE_LIMITS } from '../shared/service-limits.ts'
import { fromStatus } from '../shared/status-codes.ts'
import type { RequestFrame, ResponseFrame, WireRequest, WireResponse } from '../shared/stream-frames.ts'
import { factsOfFailure, wireReadOf, wireSessionOf } from '../shared/stream-frames.ts'
import {
  abortedError,
  closedError,
  connectionLostError,
  outcomeUnknownError,
  unreachableError,
} from './client-errors.ts'
import type { StreamLimits, StreamRequest } from './request-window.ts'
import { PendingRequest, RequestWindow } from './request-window.ts'

export type ClientCall = ClientDuplexStream<RequestFrame, ResponseFrame>

/** How a stream ended: normally or by an error, without ever opening, or because an open stream received nothing. */
export type StreamEnd = 'ended' | 'unopened' | 'silent'

export interface RequestStreamOptions {
  readonly address: string
  readonly call: ClientCall
  readonly clock: Clock
  readonly limits: StreamLimits
  /** Called once, when the stream has ended. */
  readonly onEnded: (how: StreamEnd) => void
}

/** The node gets a slightly shorter timeout, so that its own error arrives first: it knows the outcome better. */
const ANSWER_MARGIN = 0.1
const ANSWER_MARGIN_MS_MAX = 100

export class RequestStream {
  readonly #address: string
  readonly #call: ClientCall
  readonly #clock: Clock
  readonly #limits: StreamLimits
  readonly #onEnded: (how: StreamEnd) => void
  readonly #deadlines: Deadlines
  readonly #connectTimer: Timer
  /** By id: the requests that the caller or the node has not finished. */
  readonly #pending = new Map<number, PendingRequest>()
  readonly #window: RequestWindow
  #nextId = 1
  #lastReceivedAt: number
  #isFlushDue = false
  #isOpen = false
  /** Whether the node ended the stream with OK. It does so after it has answered every request that it read. */
  #isEndedCleanly = false
  #endReason: RaftError | undefined
  #settleOpened: { resolve: () => void; reject: (error: RaftError) => void } | undefined
  #opened: Promise<void> | undefined

  constructor({ address, call, clock, limits, onEnded }: RequestStreamOptions) {
    this.#address = address
    this.#call = call
    this.#clock = clock
    this.#limits = limits
    this.#onEnded = onEnded
    this.#window = new RequestWindow(limits)
    this.#lastReceivedAt = clock.now()
    this.#deadlines = new Deadlines(clock, [(now) => this.#sweep(now)])
    this.#connectTimer = clock.wakeAt(clock.now() + limits.connectTimeoutMs, () =>
      this.#end(unreachableError(address, `no connection within ${limits.connectTimeoutMs} ms`), 'unopened'),
    )
    call.on('metadata', (metadata: Metadata) => this.#open(metadata))
    call.on('data', (frame: ResponseFrame) => this.#onFrame(frame))
    call.on('error', (error: ServiceError) => this.#end(fromStatus(error, address, 'not-applied'), 'ended'))
    call.on('status', ({ code }) => {
      this.#isEndedCleanly = code === status.OK
    })
    call.on('end', () => this.#end(unreachableError(address, 'the node ended the stream'), 'ended'))
  }

  /** Resolves once the node has accepted the stream; rejects if the stream ends first. */
  opened(): Promise<void> {
    if (this.#isOpen) return Promise.resolve()
    if (this.#endReason !== undefined) return Promise.reject(this.#endReason)
    this.#opened ??= new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject }
    })
    return this.#opened
  }

  send(request: StreamRequest): Promise<WireResponse> {
    return new Promise((resolve, reject) => {
      this.#assertCanSend(request)
      const { timeoutMs, signal } = request
      const id = this.#nextId
      this.#nextId = id === MAX_ID ? 1 : id + 1
      const deadline = this.#clock.now() + timeoutMs
      const pending = new PendingRequest(id, request, { deadline, signal, reject }, resolve)
      if (signal !== undefined) pending.listen(() => this.#abort(pending))
      this.#pending.set(id, pending)
      this.#window.add(pending)
      this.#deadlines.watch(deadline)
      this.#flushLater()
    })
  }

  /** Rejects the requests that certainly have no effect: proposals that were not written, and queries. */
  releaseUnsent(reason: RaftError): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.isWritten && pending.isProposal) continue
      if (!pending.isWritten) this.#release(pending)
      this.#settle(pending, reason)
    }
  }

  /** Ends the stream at once; requests without a response are rejected. */
  close(): void {
    this.#end(closedError(), 'ended')
  }

  #assertCanSend({ kind, payload, signal }: StreamRequest): void {
    if (this.#endReason !== undefined) throw this.#endReason
    if (signal?.aborted === true) throw abortedError(signal)
    assertPayloadSize(kind === 'propose' ? 'command' : 'query', payload.length, this.#window.serverLimits)
    const error = this.#window.fullError(payload.length, this.#address)
    if (error !== undefined) throw error
  }

  #open(metadata: Metadata): void {
    this.#connectTimer.cancel()
    this.#isOpen = true
    this.#window.serverLimits = {
      ...SERVICE_LIMITS,
      commandBytesMax: limitFromHeader(metadata, 'raft-command-bytes-max', SERVICE_LIMITS.commandBytesMax),
      streamRequestsMax: limitFromHeader(metadata, 'raft-stream-requests-max', SERVICE_LIMITS.streamRequestsMax),
      streamBytesMax: limitFromHeader(metadata, 'raft-stream-bytes-max', SERVICE_LIMITS.streamBytesMax),
    }
    this.#settleOpened?.resolve()
    this.#flushLater()
  }

  #flushLater(): void {
    if (this.#isFlushDue || !this.#isOpen) return
    this.#isFlushDue = true
    this.#clock.defer(() => {
      this.#isFlushDue = false
      if (this.#endReason === undefined) this.#flush()
    })
  }

  /** Writes as many requests as fit the node's window; each response frees some of it and flushes again. */
  #flush(): void {
    for (const requests of this.#window.takeFrames((pending) => this.#prepare(pending))) this.#call.write({ requests })
  }

  #prepare(pending: PendingRequest): WireRequest | undefined {
    const { kind, payload, session, expectTerm, leaderOnly } = pending.request
    try {
      assertPayloadSize(pending.isProposal ? 'command' : 'query', payload.length, this.#window.serverLimits)
    } catch (error) {
      this.#release(pending)
      this.#settle(pending, error as RaftError)
      return undefined
    }
    const now = this.#clock.now()
    if (this.#window.written === 0) this.#lastReceivedAt = now
    const { mode, atLeast, maxStalenessMs } = wireReadOf(pending.request)
    const request: Mutable<WireRequest> = {
      id: pending.id,
      kind: kind === 'query' ? 'REQUEST_KIND_QUERY' : proposalKind(expectTerm),
      payload,
      mode,
      timeoutMs: serverTimeoutMs(pending.deadline - now),
    }
    if (atLeast !== undefined) request.atLeast = atLeast
    if (maxStalenessMs !== undefined) request.maxStalenessMs = maxStalenessMs
    if (session !== undefined) request.session = wireSessionOf(session)
    if (expectTerm !== undefined) request.expectTerm = expectTerm
    if (leaderOnly === true) request.leaderOnly = leaderOnly
    return request
  }

  #onFrame({ responses }: ResponseFrame): void {
    this.#lastReceivedAt = this.#clock.now()
    for (const response of responses) {
      const pending = this.#pending.get(response.id)
      if (pending === undefined || !pending.isWritten) continue
      this.#release(pending)
      const { failure } = response
      this.#settle(pending, failure ? errorFromFacts(factsOfFailure(failure)) : response)
    }
    if (!this.#window.isEmpty) this.#flushLater()
  }

  #abort(pending: PendingRequest): void {
    if (!pending.isWritten) this.#release(pending)
    const { signal } = pending
    const isUnknown = pending.isWritten && pending.isProposal
    this.#settle(
      pending,
      isUnknown
        ? outcomeUnknownError('aborted by the caller after the request was sent', signal?.reason)
        : abortedError(signal),
    )
  }

  /** Also expires written requests whose caller no longer waits: each expiry checks whether the connection is silent. */
  #sweep(now: number): number {
    const expired: PendingRequest[] = []
    let next = Infinity
    for (const pending of this.#pending.values()) {
      if (pending.deadline <= now) expired.push(pending)
      else next = Math.min(next, pending.deadline)
    }
    for (const pending of expired) this.#expire(pending)
    return next
  }

  #expire(pending: PendingRequest): void {
    if (!pending.isWritten) this.#release(pending)
    this.#settle(pending, this.#timeoutError(pending))
    if (this.#window.written > 0 && this.#clock.now() - this.#lastReceivedAt >= this.#limits.silenceMsMax)
      this.#end(
        unreachableError(
          this.#address,
          `nothing received for ${Math.round(this.#clock.now() - this.#lastReceivedAt)} ms`,
        ),
        'silent',
      )
  }

  #timeoutError({ isWritten, isProposal, request }: PendingRequest): RaftError {
    const ms = Math.round(request.timeoutMs)
    if (!this.#isOpen) return unreachableError(this.#address, `no connection within ${ms} ms`)
    if (!isWritten)
      return new RaftError(
        'ERR_RAFT_TIMEOUT',
        `${this.#address} accepted no more requests for ${ms} ms; this one was not sent`,
      )
    if (!isProposal) return new RaftError('ERR_RAFT_TIMEOUT', `no response from ${this.#address} within ${ms} ms`)
    return outcomeUnknownError(`no response from ${this.#address} within ${ms} ms`)
  }

  /** Removes a request that the node has answered or never received. */
  #release(pending: PendingRequest): void {
    this.#pending.delete(pending.id)
    if (pending.isWritten) this.#window.onAnswered(pending)
  }

  #settle(pending: PendingRequest, outcome: WireResponse | RaftError): void {
    if (!pending.settle()) return
    if (outcome instanceof Error) pending.reject(outcome)
    else pending.resolve(outcome)
  }

  #end(reason: RaftError, how: StreamEnd): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    this.#connectTimer.cancel()
    this.#deadlines.stop()
    this.#call.cancel()
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    this.#window.clear()
    this.#onEnded(how)
    this.#settleOpened?.reject(reason)
    for (const pending of waiting) {
      const mayHaveArrived = pending.isWritten && !this.#isEndedCleanly
      this.#settle(pending, mayHaveArrived ? connectionLostError(pending.request.kind, reason) : reason)
    }
  }
}

const MAX_ID = 2 ** 32 - 1

/** The largest value of the wire field; the node limits it further. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1

/** Nodes of an older version do not know `expectTerm`, so such a proposal has a kind of its own, which they reject. */
export function proposalKind(expectTerm: number | undefined): WireRequest['kind'] {
  return expectTerm === undefined ? 'REQUEST_KIND_PROPOSE' : 'REQUEST_KIND_PROPOSE_IN_TERM'
}

function serverTimeoutMs(leftMs: number): number {
  const serverMs = leftMs - Math.min(ANSWER_MARGIN_MS_MAX, leftMs * ANSWER_MARGIN)
  return Math.min(Math.max(1, Math.floor(serverMs)), TIMEOUT_MS_MAX)
}

function limitFromHeader(metadata: Metadata, key: string, defaultLimit: number): number {
  const value = Number(metadata.get(key)[0])
  return Number.isSafeInteger(value) && value > 0 ? value : defaultLimit
}
