import assert from 'node:assert/strict'
import type { RuntimeEvent } from '../../../src/contracts/observer.ts'
import { RAFT_DEFAULTS } from '../../../src/core/options.ts'
import { RaftError } from '../../../src/errors.ts'
import { MemoryStorage } from '../../../src/memory/memory-storage.ts'
import { RUNTIME_DEFAULTS } from '../../../src/runtime/options.ts'
import { AdaptivePace } from '../../../src/runtime/snapshots/adaptive-pace.ts'
import { Snapshots } from '../../../src/runtime/snapshots/snapshots.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the snapshots of a node', () => {
  it('capture the state at one index, although commands are applied while it is written', async () => {
    const fixture = await Fixture.open()
    fixture.appliedIndex = 5
    fixture.state = ['x', 'y']
    const taking = fixture.snapshots.take()
    fixture.appliedIndex = 6
    fixture.state = ['changed']
    const snapshot = await taking
    assert.equal(snapshot.index, 5)
    assert.equal(snapshot.size, 2)
    assert.equal(await fixture.text(snapshot.id), 'xy')
    assert.deepEqual(fixture.taken, [5])
  })

  it('are taken when enough entries or bytes were applied since the newest one', async () => {
    const fixture = await Fixture.open()
    fixture.appliedBytes = 1
    fixture.appliedIndex = 9
    fixture.snapshots.onApplied()
    fixture.appliedIndex = 10
    fixture.snapshots.onApplied()
    fixture.snapshots.onApplied()
    await flushPromises()
    fixture.appliedIndex = 12
    fixture.appliedBytes = 1001
    fixture.snapshots.onApplied()
    await flushPromises()
    fixture.snapshots.onApplied()
    await flushPromises()
    assert.deepEqual(fixture.taken, [10, 12])
  })

  it('of a large state are not taken again until as many bytes were applied as the state has', async () => {
    const fixture = await Fixture.open()
    fixture.state = ['x'.repeat(5000)]
    fixture.appliedIndex = 10
    fixture.snapshots.onApplied()
    await flushPromises()
    for (const [index, bytes] of [
      [500, 4999],
      [501, 5000],
    ] as const) {
      fixture.appliedIndex = index
      fixture.appliedBytes = bytes
      fixture.snapshots.onApplied()
      await flushPromises()
    }
    assert.deepEqual(fixture.taken, [10, 501])
  })

  it('are taken one at a time, and the newest is reported again if nothing was applied since', async () => {
    const fixture = await Fixture.open()
    fixture.appliedIndex = 5
    const [first, second] = await Promise.all([fixture.snapshots.take(), fixture.snapshots.take()])
    assert.equal(first, second)
    assert.equal(await fixture.snapshots.take(), first)
    assert.deepEqual(fixture.taken, [5, 5])
  })

  it('that fail leave no file, are reported, and are not retried at once', async () => {
    const fixture = await Fixture.open()
    fixture.appliedIndex = 10
    fixture.state = ['x', 'boom']
    await assert.rejects(fixture.snapshots.take(), new Error('boom'))
    assert.equal(fixture.storage.disk.files.size + fixture.storage.disk.partials.size, 0)
    assert.deepEqual(
      fixture.events.map(({ type }) => type),
      ['snapshotStarted', 'snapshotFailed'],
    )
    fixture.state = ['x']
    fixture.snapshots.onApplied()
    await flushPromises()
    assert.deepEqual(fixture.taken, [])
    fixture.time.step(1_000_000)
    fixture.snapshots.onApplied()
    await flushPromises()
    assert.deepEqual(fixture.taken, [10])
  })

  it('are taken again when a peer finds the recorded one damaged', async () => {
    const fixture = await Fixture.open()
    fixture.appliedIndex = 5
    const recorded = await fixture.snapshots.take()
    fixture.snapshots.onRecorded(recorded)
    fixture.appliedIndex = 6
    fixture.storage.snapshots.read = () => {
      throw new RaftError('ERR_RAFT_CORRUPT', 'frame 3 is damaged')
    }
    await assert.rejects(fixture.snapshots.read(recorded.id, 0)[Symbol.asyncIterator]().next(), {
      code: 'ERR_RAFT_CORRUPT',
    })
    await flushPromises()
    assert.deepEqual(fixture.taken, [5, 6])
  })

  it('wait for the end of the block being applied, and fail if the node stops first', async () => {
    const fixture = await Fixture.open()
    fixture.appliedIndex = 5
    fixture.isMidBlock = true
    const taking = fixture.snapshots.take()
    await flushPromises()
    assert.deepEqual(fixture.events, [])
    fixture.boundary?.(false)
    await assert.rejects(taking, { code: 'ERR_RAFT_CLOSED' })
  })

  it('cannot be taken before anything is applied', async () => {
    const fixture = await Fixture.open()
    await assert.rejects(fixture.snapshots.take(), { code: 'ERR_RAFT_NOTHING_APPLIED', outcome: 'not-applied' })
  })
})

class Fixture {
  readonly time = new VirtualTime()
  readonly storage = new MemoryStorage()
  /** The indexes of the snapshots reported to the core. */
  readonly taken: number[] = []
  readonly events: RuntimeEvent[] = []
  readonly snapshots: Snapshots
  appliedIndex = 0
  appliedBytes = 0
  /** The chunks of the state; 'boom' makes the snapshot throw. */
  state: string[] = ['x']
  isMidBlock = false
  boundary: ((isRunning: boolean) => void) | undefined

  private constructor() {
    const membership = { members: [], voters: [], outgoing: [], learners: [] }
    const fixture = this
    this.snapshots = new Snapshots({
      lowSpace: () => undefined,
      pace: new AdaptivePace(RUNTIME_DEFAULTS),
      alarms: { raise: () => undefined, clear: () => undefined },
      options: {
        ...{ ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS, id: 'n1', seed: 1 },
        ...{ snapshotEntries: 10, snapshotBytes: 1000, snapshotFactor: 1, snapshotRetryMs: 1000 },
      },
      machine: {
        *snapshot() {
          const state = fixture.state
          for (const text of state) {
            if (text === 'boom') throw new Error('boom')
            yield Buffer.from(text)
          }
        },
      },
      applier: {
        get appliedIndex() {
          return fixture.appliedIndex
        },
        get appliedBytes() {
          return fixture.appliedBytes
        },
        appliedBlocks: 0,
        atBoundary: (callback) => {
          if (fixture.isMidBlock) fixture.boundary = callback
          else callback(true)
        },
      },
      storage: this.storage,
      transport: { fetchSnapshot: assert.fail },
      clock: new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 }),
      recovered: undefined,
      metadataAt: () => ({ term: 1, chain: 9, membership }),
      post: (input) => input.type === 'snapshotTaken' && this.taken.push(input.snapshot.index),
      emit: (event) => this.events.push(event),
    })
  }

  static async open(): Promise<Fixture> {
    const fixture = new Fixture()
    await fixture.storage.open({ clusterId: 'c', nodeId: 'n1' })
    return fixture
  }

  async text(id: string): Promise<string> {
    let text = ''
    for await (const chunk of this.storage.snapshots.read(id, 0)) text += Buffer.from(chunk).toString()
    return text
  }
}
