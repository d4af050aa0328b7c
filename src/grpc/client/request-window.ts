/** The requests of one stream: those that wait to be written, and how many written ones the node still has to answer. */
import type { ReadOptions } from '../../contracts/node-service.ts'
import type { SessionCommand } from '../../contracts/session.ts'
import type { Term } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { type Caller, PendingCall } from '../../platform/pending-call.ts'
import { FRAME_REQUESTS_MAX } from '../shared/service-definitions.ts'
import type { ServiceLimits } from '../shared/service-limits.ts'
import { SERVICE_LIMITS } from '../shared/service-limits.ts'
import type { WireRequest, WireResponse } from '../shared/stream-frames.ts'

/** The limits of a client channel; times in milliseconds, sizes in bytes. */
export interface StreamLimits {
  /** How long a connection may take to open. */
  readonly connectTimeoutMs: number
  /** The connection is considered dead if a request expires and nothing was received for this long. */
  readonly silenceMsMax: number
  /** The most requests that wait in the client to be sent; further ones are rejected with ERR_RAFT_OVERLOADED. */
  readonly queueRequestsMax: number
  /** The most bytes of the requests that wait in the client to be sent. */
  readonly queueBytesMax: number
}

export interface StreamRequest extends ReadOptions {
  readonly kind: 'propose' | 'query'
  readonly payload: Uint8Array
  readonly session?: SessionCommand | undefined
  readonly expectTerm?: Term | undefined
  readonly leaderOnly?: boolean | undefined
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** A frame is complete at this size, so that encoding one does not block the event loop for long. */
const FRAME_BYTES = 256 * 1024

/** What a request counts in addition to its payload; the same constant as in the node's served-stream.ts. */
const OVERHEAD_BYTES = 64

/** A written request counts against the node's window until the node answers it, even if its caller no longer waits. */
export class PendingRequest extends PendingCall {
  readonly id: number
  readonly request: StreamRequest
  readonly resolve: (response: WireResponse) => void
  /** Whether it was written to the open stream, and so may have arrived. */
  isWritten = false

  constructor(id: number, request: StreamRequest, caller: Caller, resolve: (response: WireResponse) => void) {
    super(caller)
    this.id = id
    this.request = request
    this.resolve = resolve
  }

  get isProposal(): boolean {
    return this.request.kind === 'propose'
  }

  get bytes(): number {
    return this.request.payload.length + OVERHEAD_BYTES
  }
}

export class RequestWindow {
  /** The node's limits, from its response headers. Until they arrive, the size of commands is not checked. */
  serverLimits: ServiceLimits = { ...SERVICE_LIMITS, commandBytesMax: Infinity }
  readonly #limits: Pick<StreamLimits, 'queueRequestsMax' | 'queueBytesMax'>
  #queue: PendingRequest[] = []
  #queueBytes = 0
  #written = 0
  #writtenBytes = 0

  constructor(limits: Pick<StreamLimits, 'queueRequestsMax' | 'queueBytesMax'>) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** The requests that the node has not answered. */
  get written(): number {
    return this.#written
  }

  /** The error that rejects a request of this size if the queue is full. */
  fullError(payloadBytes: number, address: string): RaftError | undefined {
    const { queueRequestsMax, queueBytesMax } = this.#limits
    const bytes = this.#queueBytes + payloadBytes + OVERHEAD_BYTES
    if (this.#queue.length < queueRequestsMax && (this.#queue.length === 0 || bytes <= queueBytesMax)) return undefined
    return new RaftError(
      'ERR_RAFT_OVERLOADED',
      `${this.#queue.length} requests (${this.#queueBytes} bytes) are queued for ${address}; the limits are ${queueRequestsMax} and ${queueBytesMax}`,
      {
        hint: 'reduce the number of concurrent requests',
        details: { requests: this.#queue.length, bytes: this.#queueBytes },
      },
    )
  }

  add(pending: PendingRequest): void {
    this.#queue.push(pending)
    this.#queueBytes += pending.bytes
  }

  /** Takes as many requests as fit the node's window, in frames. `prepare` returns undefined for one that must not be written. */
  takeFrames(prepare: (pending: PendingRequest) => WireRequest | undefined): WireRequest[][] {
    const frames: WireRequest[][] = []
    let frame: WireRequest[] = []
    let bytes = 0
    let taken = 0
    for (const pending of this.#queue) {
      const size = pending.bytes
      if (!pending.isSettled && !this.#fits(size)) break
      taken++
      this.#queueBytes -= size
      const request = pending.isSettled ? undefined : prepare(pending)
      if (request === undefined) continue
      pending.isWritten = true
      this.#written++
      this.#writtenBytes += size
      if (frame.length === FRAME_REQUESTS_MAX || (bytes > 0 && bytes + size > FRAME_BYTES)) {
        frames.push(frame)
        frame = []
        bytes = 0
      }
      frame.push(request)
      bytes += size
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken)
    if (frame.length > 0) frames.push(frame)
    return frames
  }

  /** The node has answered a written request. */
  onAnswered(pending: PendingRequest): void {
    this.#written--
    this.#writtenBytes -= pending.bytes
  }

  clear(): void {
    this.#queue = []
    this.#queueBytes = 0
  }

  #fits(bytes: number): boolean {
    const { streamRequestsMax, streamBytesMax } = this.serverLimits
    return this.#written === 0 || (this.#written < streamRequestsMax && this.#writtenBytes + bytes <= streamBytesMax)
  }
}
