/** Keeps streams from grpc-js that their client has reset already: it would answer them, and what it throws would end the process. */
import type { ServerHttp2Stream } from 'node:http2'
import type { Server } from '@grpc/grpc-js'

type StreamHandler = (interceptors: unknown, stream: ServerHttp2Stream, headers: unknown) => void

/** What takes a stream in grpc-js, which checks a stream before it answers in every other place. Not public: a later version may lack them. */
const HANDLERS = ['_streamHandler', '_channelzHandler'] as const

/** Call it before the server creates a connection injector or binds a port. */
export function ignoreResetStreams(server: Server): void {
  const handlers = server as unknown as Partial<Record<(typeof HANDLERS)[number], StreamHandler>>
  for (const name of HANDLERS) {
    const handle = handlers[name]
    if (handle === undefined) continue
    handlers[name] = (interceptors, stream, headers) => {
      if (!stream.destroyed && !stream.closed) return handle.call(server, interceptors, stream, headers)
      stream.on('error', () => undefined)
    }
  }
}
