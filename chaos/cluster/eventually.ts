/** Waiting for what other processes will do, with an end to the patience. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isRaftError } from '../../src/errors.ts'

const RETRY_INTERVAL_MS = 50

/** Tries until there is a value, or the patience is over. */
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
  throw new Error(`there was no ${what} within ${timeoutMs} ms${last === undefined ? '' : `: ${String(last)}`}`)
}
