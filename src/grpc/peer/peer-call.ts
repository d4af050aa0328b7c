/** A bidirectional gRPC call as a call of a link: the client's end and the server's end. */
import type { ClientDuplexStream, ServerDuplexStream } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import type { Caller } from '../../access/caller.ts'
import { isRaftError } from '../../errors.ts'
import type { Frame } from '../../peer-link/frames.ts'
import { HANDSHAKE_BYTES_MAX } from '../../peer-link/frames.ts'
import type { CallListener, EndReason, PeerCall } from '../../peer-link/peer-call.ts'
import { toPrintable } from '../../peer-link/wire-fields.ts'
import { answererOf } from './answerer.ts'
import { decodeFrame, encodeFrame } from './codec.ts'

type Duplex = ClientDuplexStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>

/** How long an ended call waits for the status of the server before it is cancelled. */
const LINGER_MS = 500

/** The status with which the server's end ends. */
const STATUS: Readonly<Record<EndReason, status>> = {
  done: status.OK,
  cancelled: status.CANCELLED,
  closing: status.UNAVAILABLE,
  busy: status.RESOURCE_EXHAUSTED,
  timeout: status.DEADLINE_EXCEEDED,
  malformed: status.INVALID_ARGUMENT,
  refused: status.FAILED_PRECONDITION,
  failed: status.ABORTED,
}

export function dialledCall(call: ClientDuplexStream<Buffer, Buffer>): PeerCall {
  return {
    get caller() {
      return answererOf(call)
    },
    ...frames(call, (listener) => {
      call.on('error', () => undefined) // The status event has the same content, and occurs without an error too.
      call.on('status', ({ code, details }) => listener.onEnded(describe(code, details)))
    }),
    end: (reason) => {
      if (reason === 'cancelled' || reason === 'closing') return call.cancel()
      call.end()
      const linger = setTimeout(() => call.cancel(), LINGER_MS)
      linger.unref()
      call.once('status', () => clearTimeout(linger))
    },
  }
}

export function acceptedCall(call: ServerDuplexStream<Buffer, Buffer>, caller: Caller): PeerCall {
  return {
    caller,
    ...frames(call, (listener) => {
      call.on('cancelled', () => listener.onEnded('the connection was lost'))
      call.on('end', () => {
        call.end()
        listener.onEnded('the peer has closed the stream')
      })
    }),
    end: (reason, details) => {
      call.emit('error', { code: STATUS[reason], details: toPrintable(details) }) // grpc-js's way of ending a stream with a status.
    },
  }
}

/** Each gRPC message is one frame. */
function frames(call: Duplex, listenForEnd: (listener: CallListener) => void): Omit<PeerCall, 'end' | 'caller'> {
  let receiveBytesMax = HANDSHAKE_BYTES_MAX
  return {
    write: (frame, onWritten) => call.write(encodeFrame(frame), onWritten),
    listen: (listener) => {
      call.on('data', (bytes: Buffer) => {
        if (bytes.length > receiveBytesMax) return listener.onMalformed(`${bytes.length} bytes instead of a hello`)
        const decoded = decoding(bytes)
        if (typeof decoded === 'string') listener.onMalformed(decoded)
        else listener.onFrame(decoded)
      })
      listenForEnd(listener)
    },
    onGreeted: () => {
      receiveBytesMax = Number.POSITIVE_INFINITY
    },
  }
}

/** The frame, or why there is none. */
function decoding(bytes: Buffer): Frame | string {
  try {
    return decodeFrame(bytes)
  } catch (error) {
    if (isRaftError(error, 'ERR_RAFT_BAD_MESSAGE')) return error.message
    throw error
  }
}

function describe(code: status, details: string): string {
  if (code === status.OK) return 'the peer has closed the stream'
  return `${status[code] ?? code}: ${details}`
}
