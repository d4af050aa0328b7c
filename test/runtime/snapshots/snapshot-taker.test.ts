import assert from 'node:assert/strict'
import type { RuntimeEvent } from '../../../src/contracts/observer.ts'
import { RaftError } from '../../../src/errors.ts'
import { MemoryStorage } from '../../../src/memory/memory-storage.ts'
import { SnapshotTaker } from '../../../src/runtime/snapshots/snapshot-taker.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the snapshotter', () => {
  it('catches the state at one index, even if it is written later and commands go on meanwhile', async () => {
    const desk = await Fixture.make()
    desk.appliedIndex = 5
    desk.state = ['x', 'y']
    const taking = desk.snapshotter.take()
    desk.appliedIndex = 6
    desk.state = ['changed']
    const snapshot = await taking
    assert.equal(snapshot.index, 5)
    assert.equal(snapshot.size, 2)
    assert.equal(await desk.text(snapshot.id), 'xy')
    assert.deepEqual(desk.taken, [5])
  })

  it('takes one when enough entries or bytes were applied since the last', async () => {
    const desk = await Fixture.make()
    desk.appliedBytes = 1
    desk.appliedIndex = 9
    desk.snapshotter.onApplied()
    desk.appliedIndex = 10
    desk.snapshotter.onApplied()
    desk.snapshotter.onApplied()
    await flushPromises()
    desk.appliedIndex = 12
    desk.appliedBytes = 1001
    desk.snapshotter.onApplied()
    await flushPromises()
    desk.snapshotter.onApplied()
    await flushPromises()
    assert.deepEqual(desk.taken, [10, 12])
  })

  it('does not write a large state again before as many bytes were applied as it has', async () => {
    const desk = await Fixture.make()
    desk.state = ['x'.repeat(5000)]
    desk.appliedIndex = 10
    desk.snapshotter.onApplied()
    await flushPromises()
    for (const [index, bytes] of [
      [500, 4999],
      [501, 5000],
    ] as const) {
      desk.appliedIndex = index
      desk.appliedBytes = bytes
      desk.snapshotter.onApplied()
      await flushPromises()
    }
    assert.deepEqual(desk.taken, [10, 501])
  })

  it('takes one at a time; with nothing applied since, the newest is the answer, for the core too', async () => {
    const desk = await Fixture.make()
    desk.appliedIndex = 5
    const [one, other] = await Promise.all([desk.snapshotter.take(), desk.snapshotter.take()])
    assert.equal(one, other)
    assert.equal(await desk.snapshotter.take(), one)
    assert.deepEqual(desk.taken, [5, 5])
  })

  it('leaves nothing of a snapshot that fails, says so, and does not try again at once', async () => {
    const desk = await Fixture.make()
    desk.appliedIndex = 10
    desk.state = ['x', 'boom']
    await assert.rejects(desk.snapshotter.take(), new Error('boom'))
    assert.equal(desk.storage.disk.files.size + desk.storage.disk.partials.size, 0)
    assert.deepEqual(
      desk.events.map(({ type }) => type),
      ['snapshotStarted', 'snapshotFailed'],
    )
    desk.state = ['x']
    desk.snapshotter.onApplied()
    await flushPromises()
    assert.deepEqual(desk.taken, [])
    desk.time.step(1_000_000)
    desk.snapshotter.onApplied()
    await flushPromises()
    assert.deepEqual(desk.taken, [10])
  })

  it('waits for the end of a block, and in vain if the node ends first', async () => {
    const desk = await Fixture.make()
    desk.appliedIndex = 5
    desk.isMidBlock = true
    const taking = desk.snapshotter.take()
    await flushPromises()
    assert.deepEqual(desk.events, [])
    desk.boundary?.(false)
    await assert.rejects(taking, { code: 'ERR_RAFT_CLOSED' })
  })

  it('has nothing to take of an empty log', async () => {
    const desk = await Fixture.make()
    await assert.rejects(desk.snapshotter.take(), (error) => error instanceof RaftError)
  })
})

class Fixture {
  readonly time = new VirtualTime()
  readonly storage = new MemoryStorage()
  readonly taken: number[] = []
  readonly events: RuntimeEvent[] = []
  readonly snapshotter: SnapshotTaker
  appliedIndex = 0
  appliedBytes = 0
  state: string[] = ['x']
  isMidBlock = false
  boundary: ((isAlive: boolean) => void) | undefined

  private constructor() {
    const membership = { members: [], voters: [], outgoing: [], learners: [] }
    const desk = this
    this.snapshotter = new SnapshotTaker(
      {
        id: 'n1',
        seed: 1,
        machine: {
          *snapshot() {
            const state = desk.state
            for (const text of state) {
              if (text === 'boom') throw new Error('boom')
              yield Buffer.from(text)
            }
          },
        },
        applier: {
          get appliedIndex() {
            return desk.appliedIndex
          },
          get appliedBytes() {
            return desk.appliedBytes
          },
          atBoundary: (callback) => {
            if (desk.isMidBlock) desk.boundary = callback
            else callback(true)
          },
        },
        storage: this.storage,
        clock: new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 }),
        metadataAt: () => ({ term: 1, membership }),
        entriesMax: 10,
        bytesMax: 1000,
        retryMs: 1000,
        turnMs: 8,
        onTaken: ({ index }) => this.taken.push(index),
        emit: (event) => this.events.push(event),
      },
      undefined,
    )
  }

  static async make(): Promise<Fixture> {
    const desk = new Fixture()
    await desk.storage.open({ clusterId: 'c', nodeId: 'n1' })
    return desk
  }

  async text(id: string): Promise<string> {
    let text = ''
    for await (const chunk of this.storage.snapshots.read(id, 0)) text += Buffer.from(chunk).toString()
    return text
  }
}
