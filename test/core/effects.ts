/** What a core may ask for, by hand: nothing, but for what a test is about. */
import type { Effects, Persist } from '../../src/core/effects.ts'

/** Of a step after which there is nothing to do, ever. */
export const NO_EFFECTS: Effects = {
  persist: undefined,
  send: [],
  install: undefined,
  apply: undefined,
  fetch: undefined,
  takeSnapshot: false,
  settle: [],
  events: [],
  wakeAt: Number.POSITIVE_INFINITY,
}

export function persist(number: number, some: Partial<Persist>): Persist {
  return {
    number,
    snapshot: undefined,
    truncateAfter: undefined,
    blocks: [],
    hardState: undefined,
    compactTo: undefined,
    isUrgent: true,
    then: [],
    ...some,
  }
}
