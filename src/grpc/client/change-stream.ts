/** The client's end of a stream of changes. */
import type { Client, ClientReadableStream, ServiceError } from '@grpc/grpc-js'
import { Metadata } from '@grpc/grpc-js'
import type { ChangeBatch, ChangesOptions } from '../../contracts/node-service.ts'
import { isRaftError } from '../../errors.ts'
import { onAbort } from '../../platform/on-abort.ts'
import type { WireChangesFrame } from '../shared/change-frames.ts'
import { batchOfFrame } from '../shared/change-frames.ts'
import { clientDefinition, method } from '../shared/service-definitions.ts'
import { fromStatus } from '../shared/status-codes.ts'

type ChangesCall = ClientReadableStream<WireChangesFrame>

/** Opens the call at the first read. A reader that stops reading stops the node too: the windows of HTTP/2 are full then. */
export function receiveChanges(
  client: () => Client,
  address: string,
  { signal, from = 0, clusterId = '' }: ChangesOptions,
): AsyncIterableIterator<ChangeBatch> {
  let call: ChangesCall | undefined
  let isEnded = false
  const end = (): void => {
    isEnded = true
    call?.cancel()
  }
  const batches = (async function* (): AsyncGenerator<ChangeBatch, void, undefined> {
    if (isEnded || signal?.aborted === true) return
    const stopListening = signal === undefined ? undefined : onAbort(signal, end)
    try {
      call = openCall(client(), { from, clusterId })
      for await (const frame of call) yield batchOfFrame(frame as WireChangesFrame)
    } catch (error) {
      if (isEnded) return
      throw isRaftError(error) ? error : fromStatus(error as ServiceError, address, 'not-applied')
    } finally {
      stopListening?.()
      call?.cancel()
    }
  })()
  return {
    next: () => batches.next(),
    return: () => {
      end()
      return batches.return()
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

function openCall(client: Client, request: object): ChangesCall {
  const changes = method<object, WireChangesFrame>(clientDefinition(), 'Changes')
  const call = client.makeServerStreamRequest(
    changes.path,
    changes.requestSerialize,
    changes.responseDeserialize,
    request,
    new Metadata(),
  )
  // The iterator reports it too, but may already have ended.
  call.on('error', () => undefined)
  return call
}
