/** The node's end of a request stream: concurrent requests, batched responses, bounded memory. */
import type { ServerDuplexStream } from '@grpc/grpc-js'
import { Metadata } from '@grpc/grpc-js'
import type { Clock } from '../../contracts/clock.ts'
import type { NodeService } from '../../contracts/node-service.ts'
import { RaftError } from '../../errors.ts'
import { factsOf } from '../shared/error-facts.ts'
import { MalformedRequest } from '../shared/service-definitions.ts'
import type { ServiceLimits } from '../shared/service-limits.ts'
import {
  answerDroppedError,
  answerTooLargeError,
  assertPayloadSize,
  clampTimeout,
  shuttingDownError,
} from '../shared/service-limits.ts'
import { asRaftError, toStatus } from '../shared/status-codes.ts'
import type { RequestFrame, ResponseFrame, WireRequest, WireResponse } from '../shared/stream-frames.ts'
import { failureOf, forwardOf, readOptionsOf, sessionOf } from '../shared/stream-frames.ts'
import { malformedRequestError } from './unary-handler.ts'

export type ServedCall = ServerDuplexStream<RequestFrame | MalformedRequest, ResponseFrame>

/** What a request or a response counts in addition to its payload. */
const OVERHEAD_BYTES = 64

/** A response frame is complete at this size. */
const FRAME_BYTES = 256 * 1024

/** The most frames being written; responses completed meanwhile are sent in the next frame. */
const FRAMES_IN_FLIGHT_MAX = 2

export interface ServedStreamOptions {
  readonly call: ServedCall
  readonly node: NodeService
  readonly limits: ServiceLimits
  readonly clock: Clock
  readonly onClosed: () => void
}

export class ServedStream {
  readonly #call: ServedCall
  readonly #node: NodeService
  readonly #limits: ServiceLimits
  readonly #clock: Clock
  /** Requests that were read and whose response is not sent yet. */
  #requests = 0
  #requestBytes = 0
  #outbox: WireResponse[] = []
  /** The size of the outbox and of the frames being written. */
  #answerBytes = 0
  #framesInFlight = 0
  #isFlushDue = false
  #isEnding = false
  #isClosed = false

  constructor({ call, node, limits, clock, onClosed }: ServedStreamOptions) {
    this.#call = call
    this.#node = node
    this.#limits = limits
    this.#clock = clock
    call.on('data', (frame: RequestFrame | MalformedRequest) => this.#onFrame(frame))
    call.on('end', () => this.end())
    call.on('error', () => undefined)
    call.on('cancelled', () => {
      this.#isClosed = true
      this.#outbox = []
      onClosed()
    })
    call.sendMetadata(limitHeaders(limits))
  }

  /** Rejects new requests, and ends the stream once all pending ones are answered. */
  end(): void {
    this.#isEnding = true
    this.#endIfAnswered()
  }

  #onFrame(frame: RequestFrame | MalformedRequest): void {
    if (frame instanceof MalformedRequest) {
      this.#call.emit('error', toStatus(malformedRequestError(frame)) as unknown as Error)
      return
    }
    for (const request of frame.requests) this.#onRequest(request)
    this.#pauseIfCongested()
  }

  #onRequest(request: WireRequest): void {
    const size = request.payload.length + OVERHEAD_BYTES
    const refusal = this.#overloadError(size)
    this.#requests++
    this.#requestBytes += size
    if (refusal !== undefined) this.#fail(request, refusal)
    else
      this.#serve(request).then(
        (response) => this.#answer(request, response),
        (reason: unknown) => this.#fail(request, reason),
      )
  }

  #overloadError(size: number): RaftError | undefined {
    if (this.#isEnding) return shuttingDownError()
    const { streamRequestsMax, streamBytesMax } = this.#limits
    const bytes = this.#requestBytes + this.#answerBytes
    if (this.#requests === 0) return undefined
    if (this.#requests < streamRequestsMax && bytes + size <= streamBytesMax) return undefined
    return new RaftError(
      'ERR_RAFT_OVERLOADED',
      `this stream has ${this.#requests} pending requests (${bytes} bytes); the limits are ${streamRequestsMax} and ${streamBytesMax}`,
      {
        hint: 'read the responses, and reduce the number of concurrent requests',
        details: { requests: this.#requests, bytes, requestsMax: streamRequestsMax, bytesMax: streamBytesMax },
      },
    )
  }

  async #serve(request: WireRequest): Promise<WireResponse> {
    const { id, kind, payload } = request
    const limits = this.#limits
    const wantedMs = request.timeoutMs === 0 ? undefined : request.timeoutMs
    const timeoutMs = clampTimeout(wantedMs, limits.timeoutMs, limits.timeoutMsMax)
    if (kind === 'REQUEST_KIND_PROPOSE' || kind === 'REQUEST_KIND_PROPOSE_IN_TERM') {
      assertPayloadSize('command', payload.length, limits)
      const { index, term, result } = await this.#node.proposeBytes(payload, {
        timeoutMs,
        session: sessionOf(request.session),
        forward: forwardOf(request.leaderOnly),
        expectTerm: kind === 'REQUEST_KIND_PROPOSE' ? undefined : request.expectTerm,
      })
      return { id, payload: result, index, term }
    }
    if (kind === 'REQUEST_KIND_QUERY') {
      assertPayloadSize('query', payload.length, limits)
      const read = await this.#node.queryBytes(payload, { timeoutMs, ...readOptionsOf(request) })
      return { id, payload: read.answer, index: read.appliedIndex, term: read.term }
    }
    throw new RaftError('ERR_RAFT_BAD_MESSAGE', `${kind} is not a request kind of this version`)
  }

  #answer(request: WireRequest, response: WireResponse): void {
    const size = response.payload?.length ?? 0
    const { answerBytesMax, streamBytesMax } = this.#limits
    const what = request.kind === 'REQUEST_KIND_QUERY' ? 'query' : 'command'
    if (size > answerBytesMax) this.#fail(request, answerTooLargeError(what, size, answerBytesMax))
    else if (size > 0 && this.#answerBytes + size > 2 * streamBytesMax)
      this.#fail(request, answerDroppedError(what, size))
    else this.#enqueue(request, response, size)
  }

  #fail(request: WireRequest, reason: unknown): void {
    this.#enqueue(request, { id: request.id, failure: failureOf(factsOf(asRaftError(reason))) }, 0)
  }

  #enqueue(request: WireRequest, response: WireResponse, size: number): void {
    this.#requestBytes -= request.payload.length + OVERHEAD_BYTES
    if (this.#isClosed) return
    this.#outbox.push(response)
    this.#answerBytes += size + OVERHEAD_BYTES
    this.#pauseIfCongested()
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    this.#clock.defer(() => {
      this.#isFlushDue = false
      this.#flush()
    })
  }

  #flush(): void {
    while (!this.#isClosed && this.#outbox.length > 0 && this.#framesInFlight < FRAMES_IN_FLIGHT_MAX) {
      const { responses, bytes } = this.#nextFrame()
      this.#framesInFlight++
      this.#call.write({ responses }, () => {
        this.#framesInFlight--
        this.#requests -= responses.length
        this.#answerBytes -= bytes
        if (this.#call.isPaused() && !this.#isCongested()) this.#call.resume()
        this.#flush()
        this.#endIfAnswered()
      })
    }
  }

  #nextFrame(): { responses: WireResponse[]; bytes: number } {
    let bytes = 0
    let count = 0
    while (count < this.#outbox.length && bytes < FRAME_BYTES)
      bytes += (this.#outbox[count++]?.payload?.length ?? 0) + OVERHEAD_BYTES
    const responses = count === this.#outbox.length ? this.#outbox : this.#outbox.slice(0, count)
    this.#outbox = count === this.#outbox.length ? [] : this.#outbox.slice(count)
    return { responses, bytes }
  }

  #pauseIfCongested(): void {
    if (this.#isCongested()) this.#call.pause()
  }

  /** Whether to stop reading requests: the client does not read its responses, or exceeds its limits. */
  #isCongested(): boolean {
    return this.#requests > this.#limits.streamRequestsMax || this.#answerBytes > this.#limits.streamBytesMax
  }

  #endIfAnswered(): void {
    if (this.#isEnding && !this.#isClosed && this.#requests === 0) this.#call.end()
  }
}

/** The response headers that announce the limits to the client, see client.proto. */
function limitHeaders(limits: ServiceLimits): Metadata {
  const metadata = new Metadata()
  metadata.set('raft-command-bytes-max', String(limits.commandBytesMax))
  metadata.set('raft-stream-requests-max', String(limits.streamRequestsMax))
  metadata.set('raft-stream-bytes-max', String(limits.streamBytesMax))
  return metadata
}
