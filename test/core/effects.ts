/** Effects and writes with defaults, for tests that set only what they are about. */
import type { Effects, Persist } from '../../src/core/effects.ts'

/** The effects of a step that requests nothing. */
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
