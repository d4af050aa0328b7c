/** Reads how an incoming connection begins, so that one port can serve several protocols. */
import type { Socket } from 'node:net'

/** How an HTTP/2 connection begins. */
export const HTTP2_PREFACE = 'PRI * HTTP/2.0'

/**
 * Calls `take` with the first bytes, once there are that many. If it returns false, calls `pass`; then the bytes can be read again. All that has
 * arrived is put back as one chunk: a session of HTTP/2 in Node.js reads chunk by chunk, and throws if the first one ends it and a second one follows.
 */
export function readPreface(socket: Socket, bytes: number, take: (preface: Buffer) => boolean, pass: () => void): void {
  const onReadable = (): void => {
    const preface: Buffer | null = socket.read(bytes)
    // Null: fewer have arrived. At the end of the stream there may be fewer.
    if (preface === null) return
    socket.off('readable', onReadable)
    if (take(preface)) return
    const { readableLength } = socket
    const rest: Buffer | null = readableLength === 0 ? null : socket.read(readableLength)
    socket.unshift(rest === null ? preface : Buffer.concat([preface, rest]))
    pass()
  }
  socket.on('readable', onReadable)
  // What another reader has put back causes no event.
  onReadable()
}
