/** Checks that a port accepts connections. Unlike a connection attempt of grpc-js, a probe can be cancelled. */
import { connect } from 'node:net'
import { parseListenAddress } from '../../peer-link/listen-address.ts'
import { onAbort } from '../../platform/on-abort.ts'

export interface TcpProbe {
  readonly address: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Connects and disconnects; rejects if that fails, times out or is aborted. Without the probe, every attempt to reach a machine
 * that drops packets would leave a socket open for minutes, which also keeps the process alive.
 */
export function probeTcp({ address, timeoutMs, signal }: TcpProbe): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const socket = connect(parseListenAddress(address))
    // The socket's own `signal` option would leave a listener on the signal, which lasts as long as the transport.
    const stopListening = onAbort(signal, () => socket.destroy(signal.reason))
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)))
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
