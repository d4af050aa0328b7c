/** Sends the bytes of a snapshot to a peer, at the pace of the peer. */
import type { Socket } from 'node:net'
import { isRaftError, type TransportHost } from 'quorate'
import { validateSnapshotRequest } from 'quorate/tcp'
import { writeFrame } from './frames.ts'

const CHUNK_BYTES = 65_536

/** A connection that closes without an 'end' tells the peer that the source has failed. */
export async function sendSnapshot(socket: Socket, host: TransportHost, wanted: unknown): Promise<void> {
  try {
    const { id, offset } = validateSnapshotRequest(wanted)
    for await (const bytes of host.readSnapshot(id, offset)) {
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        writeFrame(socket, 'chunk', bytes.subarray(at, at + CHUNK_BYTES))
        if (socket.writableNeedDrain && !socket.destroyed) await drained(socket)
      }
      if (socket.destroyed) return
    }
    writeFrame(socket, 'end')
  } catch (error) {
    if (isRaftError(error, 'ERR_RAFT_SNAPSHOT_GONE')) writeFrame(socket, 'gone')
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })
}
