/** Adds the bearer token of a client to each of its calls. */
import type { Interceptor } from '@grpc/grpc-js'
import { InterceptingCall } from '@grpc/grpc-js'

export function bearerToken(token: string): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        metadata.set('authorization', `Bearer ${token}`)
        next(metadata, listener)
      },
    })
}
