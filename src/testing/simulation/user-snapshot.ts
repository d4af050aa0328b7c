/** Waits for the user's machine, which may be faulty: a snapshot or a restore may fail, or never end. */
import { collectChunks } from '../../platform/bytes.ts'
import { eventLoopTurn } from '../../platform/turns.ts'
import type { CheckedMachine } from '../state-machine/machine-under-test.ts'

/** A call that takes more turns of the event loop is considered endless. */
const TURNS_MAX = 10_000

/** The bytes of its snapshot, or why there are none. */
export async function userSnapshot(machine: CheckedMachine): Promise<Uint8Array | string> {
  try {
    const bytes = await withinTurns(collectChunks(machine.snapshot()))
    return bytes ?? 'its snapshot does not end'
  } catch (error) {
    return `its snapshot fails: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Undefined if the promise has not settled after more turns of the event loop than any call in a simulation takes. */
export async function withinTurns<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  let isSettled = false
  const afterManyTurns = async (): Promise<undefined> => {
    for (let turn = 0; turn < TURNS_MAX && !isSettled; turn++) await eventLoopTurn()
    return undefined
  }
  const settled = promise.finally(() => {
    isSettled = true
  })
  return Promise.race([settled, afterManyTurns()])
}
