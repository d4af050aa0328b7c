/** The simulated storage and transport pass the contract suites. */
import type { Storage } from '../../src/contracts/storage.ts'
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { WINDOW_BYTES } from '../../src/testing/simulation/link-direction.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { SimulatedDisk } from '../../src/testing/simulation/simulated-disk.ts'
import { SimulatedNetwork } from '../../src/testing/simulation/simulated-network.ts'
import { SimulatedStorage } from '../../src/testing/simulation/simulated-storage.ts'
import { SimulatedTransport } from '../../src/testing/simulation/simulated-transport.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'

describe('the simulated storage', () => {
  storageContract({
    describe,
    it,
    unsupported: ['lost syncs'],
    make: async () => {
      const { time, stop } = running()
      const ignoringObserver = { called: () => {}, durable: () => {} }
      const disk = new SimulatedDisk('a', new SeededRandom(1), ignoringObserver)
      let clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
      const crash = (isHard: boolean): void => {
        clock.stop()
        disk.crash(isHard)
        clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
      }
      return {
        createStorage: (): Storage => new SimulatedStorage(disk, clock),
        crash: async () => crash(true),
        crashWithin: async (call, crashPoint) => {
          let isOver = false
          const over = (): void => {
            isOver = true
          }
          call().then(over, over)
          // One step of the virtual time per turn.
          for (let turn = 0; turn < crashPoint && !isOver; turn++) await new Promise((resolve) => setImmediate(resolve))
          if (!isOver) crash(false)
          return !isOver
        },
        damages: async () =>
          (['log', 'hardState', 'snapshot', 'snapshotFile'] as const).map((part) => ({
            description: `damage to ${part}`,
            apply: async () => void disk.damage.inflict(part, 1, disk.memory),
          })),
        fillDisk: async () => {
          const { freeBytes } = disk
          disk.freeBytes = 0
          return () => {
            disk.freeBytes = freeBytes
          }
        },
        failWrites: async () => {
          disk.failure = 'the sync failed'
        },
        destroy: async () => stop(),
      }
    },
  })
})

describe('the simulated transport', () => {
  transportContract({
    describe,
    it,
    unsupported: ['stalls', 'largest message', 'raw bytes', 'injected bytes'],
    make: () => {
      const { time, stop } = running()
      const ignoringObserver = { sent: () => {}, delivered: () => {}, lost: () => {} }
      const network = new SimulatedNetwork(time, new SeededRandom(1), ignoringObserver)
      const inBothDirections = (one: string, other: string, run: (from: string, to: string) => void): void => {
        run(one, other)
        run(other, one)
      }
      return {
        createTransport: (id) =>
          new SimulatedTransport(network, id, new NodeClock(time, { startMs: 0, ratePerMille: 1000 })),
        addressFor: (_, to) => `sim:${to}`,
        cut: (one, other) => inBothDirections(one, other, (from, to) => network.cut(from, to)),
        heal: (one, other) => inBothDirections(one, other, (from, to) => network.heal(from, to)),
        windowBytes: WINDOW_BYTES,
        close: async () => stop(),
      }
    },
  })
})

/** A virtual time that advances by itself, as fast as possible. */
function running(): { readonly time: VirtualTime; readonly stop: () => void } {
  const time = new VirtualTime()
  let isRunning = true
  const turn = (): void => {
    if (!isRunning) return
    time.step(time.nowUs + 1000)
    setImmediate(turn)
  }
  turn()
  return {
    time,
    stop: () => {
      isRunning = false
    },
  }
}
