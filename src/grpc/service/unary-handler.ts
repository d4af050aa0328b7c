/** How a unary call of a client or operator is served: doubted, given a deadline, cancelled with its caller, answered or refused in full. */
import type { handleUnaryCall, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { CallOptions } from '../../contracts/node-service.ts'
import { RaftError } from '../../errors.ts'
import { MalformedRequest } from '../shared/service-definitions.ts'
import { clampTimeout } from '../shared/service-limits.ts'
import { toStatus } from '../shared/status-codes.ts'

/** A service to add to a GrpcServer before it starts; `end` is for its `beforeClose`. */
export interface GrpcService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
  /** Refuses new requests on the streams it serves, and ends each once all it has is answered. */
  end(): void
}

/** What is left of a call's time goes to the node less this, so that its honest answer comes before gRPC's DEADLINE_EXCEEDED. */
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
    call.on('cancelled', () => caller.abort(new RaftError('ERR_RAFT_ABORTED', 'the caller is gone')))
    const grantedMs = clampTimeout(remainingMs(call.getDeadline()), timeoutMs, timeoutMsMax)
    callAsync(() => serve(request, { signal: caller.signal, timeoutMs: grantedMs })).then(
      (response) => callback(null, response),
      (reason: unknown) => callback(toStatus(reason)),
    )
  }
}

export function malformedRequestError({ reason }: MalformedRequest): RaftError {
  return new RaftError('ERR_RAFT_BAD_MESSAGE', `the request could not be read: ${reason}`, {
    hint: 'is the client of another version, or of another service?',
  })
}

async function callAsync<Value>(action: () => Promise<Value>): Promise<Value> {
  return action()
}

function remainingMs(deadline: Date | number): number | undefined {
  const at = Number(deadline)
  if (!Number.isFinite(at)) return undefined
  const leftMs = at - Date.now()
  return leftMs - Math.min(ANSWER_MARGIN_MS, leftMs / 10)
}
