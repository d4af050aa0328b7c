/** The end of a node: it closes gracefully, and the process ends anyway if that takes too long. */
import { endProcess } from '../end-process.ts'

/** After this long the process ends without a graceful close: always safe, but the next start has more to verify. */
const CLOSE_TIMEOUT_MS = 10_000

/** Closes, then rejects with the failure, if there is one. Ends the process if the close hangs. */
export async function closeInTime(
  close: () => Promise<void>,
  failure: unknown,
  timeoutMs: number = CLOSE_TIMEOUT_MS,
): Promise<void> {
  const timer = setTimeout(() => {
    const reason = `the node did not close within ${timeoutMs} ms: the disk may hang; what was acknowledged is safe`
    endProcess(failure === undefined ? 'SIGTERM' : 'SIGKILL', reason)
  }, timeoutMs).unref()
  if (failure === undefined) await close()
  else await close().catch(() => undefined)
  clearTimeout(timer)
  if (failure !== undefined) throw failure
}
