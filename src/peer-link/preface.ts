/** Reads how an incoming connection begins, so that one port can serve several protocols. */
import type { Socket } from 'node:net'

/** How an HTTP/2 connection begins. */
export const HTTP2_PREFACE = 'PRI * HTTP/2.0'

/** Calls `take` with the first bytes, once there are that many. If it returns false, calls `pass`; then the bytes can be read again. */
export function readPreface(socket: Socket, bytes: number, take: (preface: Buffer) => boolean, pass: () => void): void {
  const onReadable = (): void => {
    const preface: Buffer | null = socket.read(bytes)
    // Null: fewer have arrived. At the end of the stream there may be fewer.
    if (preface === null) return
    socket.off('readable', onReadable)
    if (take(preface)) return
    socket.unshift(preface)
    pass()
  }
  socket.on('readable', onReadable)
  // What another reader has put back causes no event.
  onReadable()
}
