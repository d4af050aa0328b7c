/** Notices that a follower sends its snapshot too slowly: the leader has one too. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'

/** A follower must send so many bytes in each interval. */
export const FOLLOWER_BYTES_MIN: number = 10 * 1024 * 1024
export const FOLLOWER_INTERVAL_MS = 10_000

/** Aborts `slowness` at the end of the first interval in which too little arrived. Returns how to stop watching. */
export function watchPace(
  { clock, from, slowness }: { readonly clock: Clock; readonly from: NodeId; readonly slowness: AbortController },
  progress: { readonly bytes: number },
): () => void {
  let timer: Timer
  const watch = (before: number): void => {
    timer = clock.wakeAt(clock.now() + FOLLOWER_INTERVAL_MS, () => {
      const { bytes } = progress
      if (bytes - before >= FOLLOWER_BYTES_MIN) return watch(bytes)
      slowness.abort(tooSlow(from, bytes - before))
    })
  }
  watch(progress.bytes)
  return () => timer.cancel()
}

function tooSlow(from: NodeId, bytes: number): RaftError {
  const message = `${from} has sent ${bytes} bytes of its snapshot in ${FOLLOWER_INTERVAL_MS / 1000} s`
  return new RaftError('ERR_RAFT_UNREACHABLE', message, {
    hint: 'the snapshot of the leader is fetched instead',
    details: { peer: from },
  })
}
