/** One interface over both ends of a bidirectional gRPC call: the client's and the server's. */
import type { ClientDuplexStream, ServerDuplexStream } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import { toPrintable } from './wire-fields.ts'

export interface PeerCall {
  /** Calls `onWritten` once the connection has taken the bytes, or never if the call ends first. */
  write(bytes: Buffer, onWritten: () => void): void
  /** Calls `onReceived` with each message, and `onEnded` once, with the reason. */
  listen(onReceived: (bytes: Buffer) => void, onEnded: (reason: string) => void): void
  /**
   * Ends the call after the pending writes. The server's end sends `code` and `details` as the status; the client's end cannot,
   * and cancels at once for CANCELLED and UNAVAILABLE.
   */
  end(code: status, details: string): void
}

/** How long an ended call waits for the status of the server before it is cancelled. */
const LINGER_MS = 500

export function dialledCall(call: ClientDuplexStream<Buffer, Buffer>): PeerCall {
  return {
    write: (bytes, onWritten) => call.write(bytes, onWritten),
    listen: (onReceived, onEnded) => {
      call.on('data', onReceived)
      call.on('error', () => undefined) // The status event has the same content, and occurs without an error too.
      call.on('status', ({ code, details }) => onEnded(describe(code, details)))
    },
    end: (code) => {
      if (code === status.CANCELLED || code === status.UNAVAILABLE) return call.cancel()
      call.end()
      const linger = setTimeout(() => call.cancel(), LINGER_MS)
      linger.unref()
      call.once('status', () => clearTimeout(linger))
    },
  }
}

export function acceptedCall(call: ServerDuplexStream<Buffer, Buffer>): PeerCall {
  return {
    write: (bytes, onWritten) => call.write(bytes, onWritten),
    listen: (onReceived, onEnded) => {
      call.on('data', onReceived)
      call.on('cancelled', () => onEnded('the connection was lost'))
      call.on('end', () => {
        call.end()
        onEnded('the peer has closed the stream')
      })
    },
    end: (code, details) => {
      call.emit('error', { code, details: toPrintable(details) }) // grpc-js's way of ending a stream with a status.
    },
  }
}

function describe(code: status, details: string): string {
  if (code === status.OK) return 'the peer has closed the stream'
  return `${status[code] ?? code}: ${details}`
}
