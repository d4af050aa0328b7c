import assert from 'node:assert/strict'
import type { RuntimeEvent } from '../../../src/contracts/observer.ts'
import { DiskSpace } from '../../../src/runtime/health/disk-space.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the check of free disk space', () => {
  it('reports when space becomes low and when it recovers, and calls onLow and updates the alarm in between', async () => {
    const time = new VirtualTime()
    const calls: string[] = []
    let free = 1000
    const diskSpace = new DiskSpace({
      storage: { freeBytes: async () => free },
      clock: new NodeClock(time, { startMs: 0, ratePerMille: 1000 }),
      freeBytesMin: 100,
      checkMs: 10,
      emit: (event: RuntimeEvent) => calls.push(event.type),
      alarms: {
        raise: ({ code, details }) => calls.push(`${code} ${details.freeBytes}`),
        clear: (code) => calls.push(`no ${code}`),
      },
      onLow: ({ freeBytes }) => calls.push(`low ${freeBytes}`),
      onBack: () => calls.push('back'),
    })
    await diskSpace.watch()
    for (const bytes of [99, 50, 110, 124, 125, 126]) {
      free = bytes
      time.step(time.nowUs + 10_000)
      await flushPromises()
    }
    const low = [99, 50, 110, 124].flatMap((bytes) => [`SPACE_LOW ${bytes}`, `low ${bytes}`])
    assert.deepEqual(calls, ['spaceLow', ...low, 'spaceBack', 'no SPACE_LOW', 'back'])
    assert.equal(diskSpace.writeError, undefined)
    diskSpace.stop()
  })
})
