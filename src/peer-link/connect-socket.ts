/** Opens a connection within a time limit. */
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { onAbort } from '../platform/on-abort.ts'
import { parseListenAddress } from './listen-address.ts'
import type { ReceiveBuffer } from './receive-buffer.ts'
import type { SharedSecret } from './secret-tls.ts'
import { secureConnection } from './tls.ts'
import type { TlsOptions } from './tls-options.ts'

export interface SocketTarget {
  readonly address: string
  readonly timeoutMs: number
  readonly tls: TlsOptions | SharedSecret | undefined
  readonly signal: AbortSignal
  /** What the connection is read into; by default each read is new memory. Not with TLS, which decrypts into memory of its own. */
  readonly received?: ReceiveBuffer | undefined
}

/** Rejects if that fails, takes longer than `timeoutMs` (twice with TLS), or is aborted; with a RaftError if TLS fails. */
export async function connectSocket({ address, timeoutMs, tls, signal, received }: SocketTarget): Promise<Socket> {
  const socket = await openSocket(address, timeoutMs, signal, received)
  if (tls === undefined) return socket
  const { host } = parseListenAddress(address)
  const stopListening = onAbort(signal, () => socket.destroy())
  try {
    return await secureConnection(socket, tls, { address, host, timeoutMs })
  } finally {
    stopListening()
  }
}

/**
 * Connects and disconnects; rejects as `connectSocket` does. grpc-js cannot cancel a connection attempt: to reach a machine that drops packets
 * would leave a socket open for minutes, which also keeps the process alive. And it hides why TLS fails.
 */
export async function probe(target: SocketTarget): Promise<void> {
  const socket = await connectSocket(target)
  socket.destroy()
}

function openSocket(
  address: string,
  timeoutMs: number,
  signal: AbortSignal,
  received: ReceiveBuffer | undefined,
): Promise<Socket> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const onread = received && { onread: received.onread }
    const socket = connect({ ...parseListenAddress(address), noDelay: true, keepAlive: true, ...onread })
    const stopListening = onAbort(signal, () => socket.destroy(signal.reason))
    const timeout = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs)
    const settle = (): void => {
      clearTimeout(timeout)
      stopListening()
      socket.off('error', onError)
    }
    const onError = (error: Error): void => {
      settle()
      socket.on('error', () => undefined)
      reject(error)
    }
    socket.once('error', onError)
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
  })
}
