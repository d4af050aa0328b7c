/** The fault that a check found in a state machine, without a cluster. */
import assert from 'node:assert/strict'
import { MachineFault } from '../../src/testing/state-machine/machine-fault.ts'

export async function faultOf(check: Promise<unknown>): Promise<MachineFault> {
  const fault = await check.then(
    () => assert.fail('nothing was detected'),
    (reason: unknown) => reason,
  )
  assert.ok(fault instanceof MachineFault, String(fault))
  return fault
}
