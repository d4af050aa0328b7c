/** Leader election for jobs of an application: at most one process does the work at a time. */
import type { Clock } from '../contracts/clock.ts'
import { systemClock } from '../platform/system-clock.ts'
import type { HeldLock, LockClient } from './lock-client.ts'
import { mayRepeat, pause } from './proposer.ts'

/** The options of `whileElected`. */
export interface ElectionOptions {
  /** Ends the candidacy, and the work. */
  readonly signal: AbortSignal
  /** As for a lock: how long it takes, at least, until another process is elected after this one crashed. Default: 10,000. */
  readonly ttlMs?: number | undefined
  /** Called with every error of an attempt to be elected that will be repeated, such as that of a cluster without a leader. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** The clock, for tests. */
  readonly clock?: Clock | undefined
}

const RETRY_MS = 500

/**
 * Waits until this process is elected under a name, and calls `work` with the fencing token and a signal. The signal is aborted before another
 * process can be elected; `work` must then end. If it was aborted because the election was lost, this process stands again once `work` has settled.
 * Resolves once `work` has ended by itself, or `signal` was aborted. Rejects if `work` rejects before its signal is aborted, and with an
 * error of the lock that repeating cannot help.
 */
export async function whileElected(
  locks: LockClient,
  name: string,
  work: (token: number, signal: AbortSignal) => Promise<void>,
  { signal, ttlMs, onError, clock = systemClock }: ElectionOptions,
): Promise<void> {
  while (!signal.aborted) {
    let held: HeldLock
    try {
      held = await locks.acquire(name, { ttlMs, signal })
    } catch (error) {
      if (signal.aborted) return
      if (!mayRepeat(error)) throw error
      onError?.(error)
      await pause(clock, RETRY_MS, signal)
      continue
    }
    const both = AbortSignal.any([held.signal, signal])
    try {
      await work(held.token, both)
      if (!held.signal.aborted || signal.aborted) return
    } catch (error) {
      if (!both.aborted) throw error
    } finally {
      await held.release().catch((error: unknown) => onError?.(error))
    }
  }
}
