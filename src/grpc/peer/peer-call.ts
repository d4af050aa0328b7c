/** The two ends of a bidirectional call made alike: the one that called, and the one that was called. */
import type { ClientDuplexStream, ServerDuplexStream } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import { toPrintable } from './wire-fields.ts'

export interface PeerCall {
  /** `written` is called once the bytes are with the connection; never, if the call ends first. */
  write(bytes: Buffer, onWritten: () => void): void
  /** What comes in; and, once, why nothing comes any more. */
  listen(onReceived: (bytes: Buffer) => void, onEnded: (reason: string) => void): void
  /**
   * Ends the call once what was written has left; the end that was called can say why, by a status. With CANCELLED and UNAVAILABLE
   * the end that called does not wait.
   */
  end(code: status, details: string): void
}

/** How long an ended call may take to see the other end agree before it is cancelled. */
const LINGER_MS = 500

export function dialledCall(call: ClientDuplexStream<Buffer, Buffer>): PeerCall {
  return {
    write: (bytes, onWritten) => call.write(bytes, onWritten),
    listen: (onReceived, onEnded) => {
      call.on('data', onReceived)
      call.on('error', () => undefined) // Its status event says the same, and comes also when there is no error.
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
