/** checkStateMachine detects bugs planted in a job queue: without a cluster, with few commands, and reported as what they are. */
import assert from 'node:assert/strict'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'
import { faultOf } from './fault-of.ts'
import { commands, JobQueue } from './job-queue.ts'
import { KeepsReady, OrderDiffers, TwoOwners, WrongOwner } from './planted-bugs.ts'
import { CHECK, hasOneOwnerPerLock, PLANTED } from './planted-rows.ts'

/** The time for one row, also on a busy machine. */
const ROW_MS_MAX = 10_000

describe('checkStateMachine without a cluster', () => {
  it('accepts a correct job queue, with an invariant and a model', async () => {
    const options = { ...CHECK, logs: 30, invariant: hasOneOwnerPerLock, model: () => new JobQueue() }
    assert.equal((await checkStateMachine(() => new JobQueue(), options)).logs, 30)
  })

  for (const { bug, machine: Machine, commandsMax, message, options } of PLANTED)
    it(`detects: ${bug}`, async () => {
      const fault = await faultOf(checkStateMachine(() => new Machine(), { ...CHECK, ...options }))
      assert.match(fault.message, message)
      assert.ok(fault.commands <= commandsMax, fault.message)
    }).timeout(ROW_MS_MAX)

  it('reports what an invariant throws', async () => {
    const invariant = (queue: TwoOwners): void => assert.ok(hasOneOwnerPerLock(queue), 'two owners')
    assert.match(
      (await faultOf(checkStateMachine(() => new TwoOwners(), { ...CHECK, invariant }))).message,
      /two owners/,
    )
  })

  it('states that a limit ended the shrinking', async () => {
    const fault = await faultOf(checkStateMachine(() => new OrderDiffers(), { ...CHECK, shrinksMax: 3 }))
    assert.match(
      fault.message,
      /\nShrinking ended after 3 attempts \(shrinksMax\): there may be fewer and simpler commands\.\n/,
    )
    const late = await faultOf(checkStateMachine(() => new OrderDiffers(), { ...CHECK, shrinkMsMax: 0 }))
    assert.match(late.message, /\nShrinking ended after 0 ms \(shrinkMsMax\)/)
  })
})

describe('checkStateMachine in clusters', () => {
  const check = { commands, logs: 0 }

  it('reports what the log alone shows, without the cluster', async () => {
    const order = await faultOf(checkStateMachine(() => new OrderDiffers(), check))
    assert.match(order.message, /^restored from the snapshot after command 4, the machine returns .* for command 5/)
    assert.match(order.message, /\nA simulated cluster applied these commands and others, and failed: I5 /)
    assert.equal(order.commands, 5)
    const kept = await faultOf(checkStateMachine(() => new KeepsReady(), check))
    assert.match(kept.message, /^after command 2, a machine that had applied the commands up to 1 restored from/)
    assert.equal(kept.commands, 2)
  })

  it('restores snapshots of that log only within the time for shrinking', async () => {
    const late = checkStateMachine(() => new KeepsReady(), { ...check, shrinkMsMax: 0 })
    await assert.rejects(
      late,
      /^Error: I5 state machine safety is violated[\s\S]*\nShrinking ended after 0 ms \(shrinkMsMax\)/,
    )
  })

  it('checks the invariant and the model', async () => {
    const invariant = hasOneOwnerPerLock
    const shared = await faultOf(checkStateMachine(() => new TwoOwners(), { ...check, invariant }))
    assert.match(
      shared.message,
      /^after command 2 the invariant does not hold.*\n[\s\S]*failed: L0 a node keeps running/,
    )
    const model = (): JobQueue => new JobQueue()
    const unlocked = await faultOf(checkStateMachine(() => new WrongOwner(), { ...check, model }))
    assert.match(unlocked.message, /on the reference model[\s\S]*failed: M1 linearizable calls/)
  })
})
