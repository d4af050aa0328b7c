/** Ends this process at once, even if its threads hang in the disk. */
import { writeSync } from 'node:fs'

/**
 * `process.exit` waits for the threads that do file operations, and a thread that hangs in fsync never returns. A signal with its default
 * action waits for nothing: SIGTERM and SIGINT for an end that was asked for, SIGKILL for a failure, so that a supervisor sees one.
 */
export function endProcess(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL', reason: string): void {
  try {
    writeSync(process.stderr.fd, `${reason}\n`)
  } catch {
    // Standard error may be closed or full; the end does not depend on it.
  }
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
