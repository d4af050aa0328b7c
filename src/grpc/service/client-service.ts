/** The client service of a node: proposals and queries, on a stream or by unary calls. */
import type { Clock } from '../../contracts/clock.ts'
import type { NodeService } from '../../contracts/node-service.ts'
import { RaftError } from '../../errors.ts'
import { systemClock } from '../../platform/system-clock.ts'
import { clientDefinition } from '../shared/service-definitions.ts'
import type { ServiceLimits } from '../shared/service-limits.ts'
import { answerTooLargeError, assertPayloadSize, SERVICE_LIMITS, shuttingDownError } from '../shared/service-limits.ts'
import { toStatus } from '../shared/status-codes.ts'
import type { WireReadFields, WireSession } from '../shared/stream-frames.ts'
import { forwardOf, readOptionsOf, sessionOf } from '../shared/stream-frames.ts'
import type { ServedChangesCall } from './served-changes.ts'
import { serveChanges } from './served-changes.ts'
import type { ServedCall } from './served-stream.ts'
import { ServedStream } from './served-stream.ts'
import type { GrpcService } from './unary-handler.ts'
import { unaryHandler } from './unary-handler.ts'

/** The options of `clientService`. */
export interface ClientServiceOptions extends Partial<ServiceLimits> {
  readonly clock?: Clock | undefined
}

interface ProposeRequest {
  readonly command: Uint8Array
  readonly session?: WireSession | null
  readonly expectTerm: number
  readonly leaderOnly?: boolean
}

interface QueryRequest extends WireReadFields {
  readonly query: Uint8Array
}

/**
 * Serves `node` to clients (proto/quorate/v1/client.proto):
 *
 *     const service = clientService(node)
 *     server.addService(service.definition, service.implementation)
 *     server.beforeClose(service.end)
 */
export function clientService(node: NodeService, options: ClientServiceOptions = {}): GrpcService {
  const { clock = systemClock, ...given } = options
  const limits: ServiceLimits = { ...SERVICE_LIMITS, ...given }
  const streams = new Set<ServedStream>()
  const ending = new AbortController()
  let isEnding = false

  const serveStream = (call: ServedCall): void => {
    if (isEnding || streams.size >= limits.streamsMax) {
      call.on('error', () => undefined)
      call.emit('error', toStatus(streamRefusedError(isEnding, streams.size)) as unknown as Error)
      return
    }
    const stream = new ServedStream({ call, node, limits, clock, onClosed: () => streams.delete(stream) })
    streams.add(stream)
  }

  const propose = unaryHandler(async ({ command, session, expectTerm, leaderOnly }: ProposeRequest, call) => {
    assertPayloadSize('command', command.length, limits)
    const { result, index, term } = await node.proposeBytes(command, {
      ...call,
      session: sessionOf(session),
      forward: forwardOf(leaderOnly),
      expectTerm: expectTerm || undefined,
      awaitLeader: leaderOnly !== true,
    })
    if (result.length > limits.answerBytesMax)
      throw answerTooLargeError('command', result.length, limits.answerBytesMax)
    return { result, index, term }
  }, limits)

  // The client tries another node: this one may be cut off.
  const registerSession = unaryHandler(
    (_request: object, call) => node.registerSession({ ...call, awaitLeader: false }),
    limits,
  )

  const query = unaryHandler(async ({ query, ...read }: QueryRequest, call) => {
    assertPayloadSize('query', query.length, limits)
    const { answer, appliedIndex, term } = await node.queryBytes(query, {
      ...call,
      ...readOptionsOf(read),
      awaitLeader: true,
    })
    if (answer.length > limits.answerBytesMax) throw answerTooLargeError('query', answer.length, limits.answerBytesMax)
    return { answer, appliedIndex, term }
  }, limits)

  return {
    definition: clientDefinition(limits.commandBytesMax),
    implementation: {
      ...{ Stream: serveStream, Propose: propose, RegisterSession: registerSession, Query: query },
      Changes: (call: ServedChangesCall) => void serveChanges(call, node, limits, ending.signal),
    },
    end: () => {
      isEnding = true
      ending.abort()
      for (const stream of streams) stream.end()
    },
  }
}

function streamRefusedError(isEnding: boolean, streams: number): RaftError {
  return isEnding
    ? shuttingDownError()
    : new RaftError('ERR_RAFT_OVERLOADED', `this node already serves ${streams} streams`, {
        hint: 'share one client per process, and close unused clients',
        details: { streams },
      })
}
