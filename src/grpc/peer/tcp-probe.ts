/** Tries whether somebody listens at an address. grpc-js cannot call off a connection it has begun; this one can be. */
import { connect } from 'node:net'
import { onAbort } from '../../platform/on-abort.ts'
import { parseListenAddress } from '../shared/listen-address.ts'

export interface TcpProbe {
  readonly address: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Connects and hangs up; rejects if that fails, takes too long or is aborted. Without it, every attempt to reach a machine that
 * swallows packets would leave a socket behind for minutes, and keep the process alive as long.
 */
export function probeTcp({ address, timeoutMs, signal }: TcpProbe): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const socket = connect(parseListenAddress(address))
    // Not the socket's own `signal` option: it would leave a listener on a signal that lives as long as the transport.
    const stopListening = onAbort(signal, () => socket.destroy(signal.reason))
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    socket.once('error', (error) => {
      stopListening()
      reject(error)
    })
    socket.once('connect', () => {
      stopListening()
      socket.destroy()
      resolve()
    })
  })
}
