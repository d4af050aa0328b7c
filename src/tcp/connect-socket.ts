/** Opens a connection within a time limit. */
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { parseListenAddress } from '../peer-link/listen-address.ts'
import { onAbort } from '../platform/on-abort.ts'

/** Rejects if that fails, takes longer than `timeoutMs`, or is aborted. The socket is paused. */
export function connectSocket(address: string, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const socket = connect({ ...parseListenAddress(address), noDelay: true, keepAlive: true })
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
