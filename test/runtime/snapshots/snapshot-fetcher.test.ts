import assert from 'node:assert/strict'
import type { SnapshotInfo } from '../../../src/core/types.ts'
import { RaftError } from '../../../src/errors.ts'
import { MemoryDisk } from '../../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../../src/memory/memory-storage.ts'
import { SnapshotFetcher } from '../../../src/runtime/snapshots/snapshot-fetcher.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the fetcher', () => {
  it('writes the leader’s snapshot into a file of its own', async () => {
    const desk = await Fixture.make(['abc', 'def'])
    desk.fetch('s1')
    await desk.pass(0)
    assert.deepEqual(desk.outcomes, ['fetched s1'])
    assert.equal(await desk.text('s1'), 'abcdef')
  })

  it('goes on where a transfer broke off, and waits longer each time nothing comes', async () => {
    const desk = await Fixture.make(['abc', BROKEN, BROKEN, BROKEN, 'def'])
    desk.fetch('s1')
    await desk.pass(99)
    assert.deepEqual(desk.offsets, [0])
    await desk.pass(1)
    assert.deepEqual(desk.offsets, [0, 3])
    await desk.pass(99 + 100)
    assert.deepEqual(desk.offsets, [0, 3])
    await desk.pass(1 + 400)
    assert.deepEqual(desk.offsets, [0, 3, 3, 3])
    assert.deepEqual(desk.outcomes, ['fetched s1'])
    assert.equal(await desk.text('s1'), 'abcdef')
  })

  it('goes on after a restart of the node', async () => {
    const desk = await Fixture.make(['abc', BROKEN])
    desk.fetch('s1')
    await flushPromises()
    await desk.fetcher.stop()
    const again = await Fixture.make(['def'], desk.disk)
    again.fetch('s1')
    await again.pass(0)
    assert.deepEqual(again.offsets, [3])
    assert.equal(await again.text('s1'), 'abcdef')
  })

  it('gives up when nothing has come for several attempts', async () => {
    const desk = await Fixture.make(Array.from({ length: 20 }, () => BROKEN))
    desk.fetch('s1')
    await desk.pass(20_000)
    assert.deepEqual(desk.outcomes, ['failed s1: the link broke'])
    assert.equal(desk.offsets.length, 4)
  })

  it('gives up at once when the leader has the snapshot no more', async () => {
    const desk = await Fixture.make([new RaftError('ERR_RAFT_SNAPSHOT_GONE', 'no s1 here')])
    desk.fetch('s1')
    await desk.pass(0)
    assert.deepEqual(desk.outcomes, ['failed s1: no s1 here'])
  })

  it('keeps nothing of a file that is not what was promised', async () => {
    const desk = await Fixture.make(['abcdef and more'])
    desk.fetch('s1')
    await desk.pass(0)
    assert.match(desk.outcomes[0] ?? '', /^failed s1: .*15 bytes, expected 6/)
    assert.equal(desk.disk.partials.size + desk.disk.files.size, 0)
  })

  it('turns to a newer wish, and says nothing more of the older one', async () => {
    const desk = await Fixture.make(['abc', BROKEN, 'abcdef'])
    desk.fetch('s1')
    await desk.pass(10)
    desk.fetch('s2')
    await desk.pass(1000)
    assert.deepEqual(desk.outcomes, ['fetched s2'])
  })
})

const BROKEN = new RaftError('ERR_RAFT_UNREACHABLE', 'the link broke')

/** A fetcher, and a leader that sends what the script says: text, or an error that ends the attempt. */
class Fixture {
  readonly time = new VirtualTime()
  readonly offsets: number[] = []
  readonly outcomes: string[] = []
  readonly disk: MemoryDisk
  readonly storage: MemoryStorage
  readonly fetcher: SnapshotFetcher
  readonly #script: (string | RaftError)[]

  private constructor(script: readonly (string | RaftError)[], disk: MemoryDisk) {
    this.#script = [...script]
    this.disk = disk
    this.storage = new MemoryStorage({ disk })
    this.fetcher = new SnapshotFetcher({
      transport: { fetchSnapshot: (_, __, offset, signal) => this.#send(offset, signal) },
      storage: this.storage,
      clock: new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 }),
      retryMinMs: 100,
      retryMaxMs: 1000,
      attemptsMax: 4,
      onFetched: ({ id }) => this.outcomes.push(`fetched ${id}`),
      onFailed: ({ id }, reason) => this.outcomes.push(`failed ${id}: ${reason}`),
      emit: () => undefined,
    })
  }

  static async make(script: readonly (string | RaftError)[], disk?: MemoryDisk): Promise<Fixture> {
    const other = new MemoryDisk()
    if (disk !== undefined) for (const [id, partial] of disk.partials) other.partials.set(id, partial)
    const desk = new Fixture(script, other)
    await desk.storage.open({ clusterId: 'c', nodeId: 'n1' })
    return desk
  }

  fetch(id: string): void {
    const membership = { members: [], voters: [], outgoing: [], learners: [] }
    this.fetcher.fetch('n2', { id, index: 5, term: 1, size: 6, membership } satisfies SnapshotInfo)
  }

  async pass(ms: number): Promise<void> {
    const endUs = this.time.nowUs + ms * 1000
    do for (let turn = 0; turn < 5; turn++) await flushPromises()
    while (this.time.step(endUs))
  }

  async text(id: string): Promise<string> {
    let text = ''
    for await (const chunk of this.storage.snapshots.read(id, 0)) text += Buffer.from(chunk).toString()
    return text
  }

  async *#send(offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.offsets.push(offset)
    for (let next = this.#script.shift(); next !== undefined; next = this.#script.shift()) {
      signal.throwIfAborted()
      if (typeof next !== 'string') throw next
      yield Buffer.from(next)
    }
  }
}
