/** Polls until other processes have reached a state, with a timeout. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isRaftError } from '../../src/errors.ts'

const RETRY_INTERVAL_MS = 50

/** Repeats `attempt` until it resolves with a value. RaftErrors count as no value; `what` names the goal in the timeout error. */
export async function eventually<Value>(
  what: string,
  attempt: () => Promise<Value | undefined>,
  timeoutMs = 20_000,
): Promise<Value> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const value = await attempt()
      if (value !== undefined) return value
    } catch (error) {
      if (!isRaftError(error)) throw error
      last = error
    }
    await sleep(RETRY_INTERVAL_MS)
  }
  throw new Error(
    `timeout after ${timeoutMs} ms waiting for: ${what}${last === undefined ? '' : `; last error: ${String(last)}`}`,
  )
}
