/** Serves unary calls: checks the request, applies a deadline, follows the caller's cancellation, and maps errors to statuses. */
import type { handleUnaryCall, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { CallOptions } from '../../contracts/node-service.ts'
import { RaftError } from '../../errors.ts'
import { MalformedRequest } from '../shared/service-definitions.ts'
import { clampTimeout } from '../shared/service-limits.ts'
import { toStatus } from '../shared/status-codes.ts'

/** A service for `GrpcServer.addService`; pass its `end` to `GrpcServer.beforeClose`. */
export interface GrpcService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
  /** Rejects new requests on open streams, and ends each stream once its pending requests are answered. */
  end(): void
}

/** The node's timeout is shorter than the call's by this much, so that its error arrives before gRPC's DEADLINE_EXCEEDED. */
const ANSWER_MARGIN_MS = 50

export function unaryHandler<Request, Response>(
  serve: (request: Request, options: Required<CallOptions>) => Promise<Response>,
  { timeoutMs, timeoutMsMax }: { readonly timeoutMs: number; readonly timeoutMsMax: number },
): handleUnaryCall<Request | MalformedRequest, Response> {
  return (call, callback) => {
    const { request } = call
    if (request instanceof MalformedRequest) {
      callback(toStatus(malformedRequestError(request)))
      return
    }
    const caller = new AbortController()
    call.on('cancelled', () => caller.abort(new RaftError('ERR_RAFT_ABORTED', 'the caller cancelled the call')))
    const grantedMs = clampTimeout(remainingMs(call.getDeadline()), timeoutMs, timeoutMsMax)
    callAsync(() => serve(request, { signal: caller.signal, timeoutMs: grantedMs })).then(
      (response) => callback(null, response),
      (reason: unknown) => callback(toStatus(reason)),
    )
  }
}

export function malformedRequestError({ reason }: MalformedRequest): RaftError {
  return new RaftError('ERR_RAFT_BAD_MESSAGE', `the request could not be read: ${reason}`, {
    hint: 'check that the client is meant for this service and version',
  })
}

/** Turns a synchronous throw into a rejection. */
async function callAsync<Value>(action: () => Promise<Value>): Promise<Value> {
  return action()
}

function remainingMs(deadline: Date | number): number | undefined {
  const at = Number(deadline)
  if (!Number.isFinite(at)) return undefined
  const leftMs = at - Date.now()
  return leftMs - Math.min(ANSWER_MARGIN_MS, leftMs / 10)
}
