/** The time limit of a whole check, for calls of a transport or a fixture that never end. */
import type { NetworkTrace } from './network-trace.ts'

/** A check did not end in time. */
export class CheckTimeout extends Error {
  /** The calls that had not ended then. */
  readonly pending: readonly string[]

  constructor(ms: number, pending: readonly string[]) {
    const waiting =
      pending.length === 0
        ? 'no call is pending'
        : `${pending.join(' and ')} ${pending.length === 1 ? 'has' : 'have'} not ended`
    super(`the check did not end within ${ms} ms (checkTimeoutMs): ${waiting}`)
    this.name = 'CheckTimeout'
    this.pending = pending
  }
}

/** Rejects with a CheckTimeout if the check, whose calls the trace knows, has not ended after `ms`. */
export async function endsWithin(ms: number, check: Promise<void>, trace: NetworkTrace): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CheckTimeout(ms, trace.pending)), ms)
  })
  try {
    await Promise.race([check, late])
  } finally {
    clearTimeout(timer)
  }
}
