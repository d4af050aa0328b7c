/** Reads how an incoming connection begins, so that one port can serve several protocols. */
import type { Socket } from 'node:net'

/** Calls `onRead` with the first bytes, once there are that many. The bytes stay readable if it returns false. */
export function readPreface(socket: Socket, bytes: number, onRead: (preface: Buffer) => boolean): void {
  const onReadable = (): void => {
    const preface: Buffer | null = socket.read(bytes)
    // Null: fewer have arrived. At the end of the stream there may be fewer.
    if (preface === null) return
    socket.off('readable', onReadable)
    if (!onRead(preface)) socket.unshift(preface)
  }
  socket.on('readable', onReadable)
}
