/** The node's end of a stream of changes: writes what the node hands out as fast as the client reads it, one frame at a time. */
import type { ServerWritableStream } from '@grpc/grpc-js'
import type { NodeService } from '../../contracts/node-service.ts'
import { onAbort } from '../../platform/on-abort.ts'
import type { WireChangesFrame, WireChangesRequest } from '../shared/change-frames.ts'
import { frameOfBatch } from '../shared/change-frames.ts'
import { MalformedRequest } from '../shared/service-definitions.ts'
import type { ServiceLimits } from '../shared/service-limits.ts'
import { changeTooLargeError, shuttingDownError } from '../shared/service-limits.ts'
import { toStatus } from '../shared/status-codes.ts'
import { malformedRequestError } from './unary-handler.ts'

export type ServedChangesCall = ServerWritableStream<WireChangesRequest | MalformedRequest, WireChangesFrame>

/** Never rejects. `ending` is aborted when the node shuts down. */
export async function serveChanges(
  call: ServedChangesCall,
  node: Pick<NodeService, 'changesBytes'>,
  limits: Pick<ServiceLimits, 'answerBytesMax'>,
  ending: AbortSignal,
): Promise<void> {
  const controller = new AbortController()
  call.on('error', () => undefined)
  call.on('cancelled', () => controller.abort())
  const stopListening = ending.aborted ? undefined : onAbort(ending, () => controller.abort())
  try {
    const { request } = call
    if (request instanceof MalformedRequest) throw malformedRequestError(request)
    if (ending.aborted) throw shuttingDownError()
    const { signal } = controller
    const { from, clusterId } = request
    const batches = node.changesBytes({ from: from || undefined, clusterId: clusterId || undefined, signal })
    for await (const batch of batches) {
      for (const { index, command, result } of batch.changes) {
        const size = command.length + (result?.length ?? 0)
        if (size > limits.answerBytesMax) throw changeTooLargeError(index, size, limits.answerBytesMax)
      }
      await written(call, frameOfBatch(batch), signal)
    }
    if (ending.aborted) throw shuttingDownError()
    call.end()
  } catch (error) {
    call.emit('error', toStatus(error) as unknown as Error)
  } finally {
    stopListening?.()
  }
}

/**
 * Resolves once the frame has left, or the call has ended. Until then nothing more is taken from the node: the streams of grpc-js themselves
 * accept 16 frames of any size, for each of many readers.
 */
function written(call: ServedChangesCall, frame: WireChangesFrame, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const stopListening = onAbort(signal, resolve)
    call.write(frame, () => {
      stopListening()
      resolve()
    })
  })
}
