import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import type { SnapshotInfo } from '../../../src/core/types.ts'
import { RaftError } from '../../../src/errors.ts'
import { MemoryDisk } from '../../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../../src/memory/memory-storage.ts'
import { FOLLOWER_BYTES_MIN } from '../../../src/runtime/snapshots/slowness-watch.ts'
import { SnapshotFetcher } from '../../../src/runtime/snapshots/snapshot-fetcher.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the snapshot fetcher', () => {
  it('writes the leader’s snapshot to a file', async () => {
    const fixture = await Fixture.open(['abc', 'def'])
    fixture.fetch('s1')
    await fixture.pass(0)
    assert.deepEqual(fixture.outcomes, ['fetched s1'])
    assert.equal(await fixture.text('s1'), 'abcdef')
  })

  it('resumes a broken transfer, and doubles the wait after each attempt without progress', async () => {
    const fixture = await Fixture.open(['abc', BROKEN, BROKEN, BROKEN, 'def'])
    fixture.fetch('s1')
    await fixture.pass(99)
    assert.deepEqual(fixture.offsets, [0])
    await fixture.pass(1)
    assert.deepEqual(fixture.offsets, [0, 3])
    await fixture.pass(99 + 100)
    assert.deepEqual(fixture.offsets, [0, 3])
    await fixture.pass(1 + 400)
    assert.deepEqual(fixture.offsets, [0, 3, 3, 3])
    assert.deepEqual(fixture.outcomes, ['fetched s1'])
    assert.equal(await fixture.text('s1'), 'abcdef')
  })

  it('resumes after a restart of the node', async () => {
    const fixture = await Fixture.open(['abc', BROKEN])
    fixture.fetch('s1')
    await flushPromises()
    await fixture.fetcher.stop()
    const again = await Fixture.open(['def'], fixture.disk)
    again.fetch('s1')
    await again.pass(0)
    assert.deepEqual(again.offsets, [3])
    assert.equal(await again.text('s1'), 'abcdef')
  })

  it('resumes what another node has sent of the same content, under whatever id', async () => {
    const fixture = await Fixture.open(['abc', BROKEN, 'def'])
    fixture.fetch('s1', crc32('abcdef'))
    await fixture.pass(10)
    fixture.fetch('s2', crc32('abcdef'))
    await fixture.pass(1000)
    assert.deepEqual([fixture.offsets, fixture.outcomes], [[0, 3], [`fetched ${CONTENT}`]])
    assert.equal(await fixture.text(CONTENT), 'abcdef')
  })

  it('resumes nothing of another content', async () => {
    const fixture = await Fixture.open(['abc', BROKEN, 'abcdeF'])
    fixture.fetch('s1', crc32('abcdef'))
    await fixture.pass(10)
    fixture.fetch('s2', crc32('abcdeF'))
    await fixture.pass(1000)
    assert.deepEqual(fixture.offsets, [0, 0])
    assert.equal(fixture.disk.files.size, 1)
  })

  it('gives up after several attempts without progress', async () => {
    const fixture = await Fixture.open(Array.from({ length: 20 }, () => BROKEN))
    fixture.fetch('s1')
    await fixture.pass(20_000)
    assert.deepEqual(fixture.outcomes, ['failed s1: the link broke'])
    assert.equal(fixture.offsets.length, 4)
  })

  it('gives up after three attempts without progress if it fetches from a follower', async () => {
    const fixture = await Fixture.open(['abc', BROKEN, BROKEN, BROKEN, BROKEN, 'def'])
    fixture.fetch('s1', undefined, 'n1')
    await fixture.pass(20_000)
    assert.deepEqual([fixture.offsets, fixture.outcomes], [[0, 3, 3], ['failed s1: the link broke']])
  })

  it('gives up once a follower has sent little for ten seconds, and waits for the leader however long it takes', async () => {
    for (const { leader, outcomes } of [
      { leader: 'n1', outcomes: ['failed s1: n2 has sent 1 bytes of its snapshot in 10 s'] },
      { leader: 'n2', outcomes: [] },
    ]) {
      const fixture = await Fixture.open(['x'.repeat(FOLLOWER_BYTES_MIN), WAIT, 'd', WAIT])
      fixture.fetch('s1', undefined, leader)
      await fixture.pass(10_100)
      fixture.resume()
      await fixture.pass(9_800)
      assert.deepEqual(fixture.outcomes, [])
      await fixture.pass(200)
      assert.deepEqual([fixture.offsets, fixture.outcomes], [[0], outcomes])
      await fixture.fetcher.stop()
    }
  })

  it('gives up at once when the leader no longer has the snapshot', async () => {
    const fixture = await Fixture.open([new RaftError('ERR_RAFT_SNAPSHOT_GONE', 'no s1 here')])
    fixture.fetch('s1')
    await fixture.pass(0)
    assert.deepEqual(fixture.outcomes, ['failed s1: no s1 here'])
  })

  it('discards a complete file of the wrong size', async () => {
    const fixture = await Fixture.open(['abcdef and more'])
    fixture.fetch('s1')
    await fixture.pass(0)
    assert.match(fixture.outcomes[0] ?? '', /^failed s1: .*15 bytes, expected 6/)
    assert.equal(fixture.disk.partials.size + fixture.disk.files.size, 0)
  })

  it('finishes no file whose checksum differs, and fetches it again from the start after a pause', async () => {
    const fixture = await Fixture.open(['abc', 'dEf', END, 'abcdef'])
    fixture.fetch('s1', crc32('abcdef'))
    await fixture.pass(99)
    assert.equal(fixture.disk.partials.size + fixture.disk.files.size, 0)
    await fixture.pass(1)
    assert.deepEqual([fixture.offsets, fixture.outcomes], [[0, 0], [`fetched ${CONTENT}`]])
    assert.deepEqual(fixture.codes, ['ERR_RAFT_CORRUPT'])
    assert.equal(await fixture.text(CONTENT), 'abcdef')
  })

  it('compares the checksum of all bytes, also of those that an earlier attempt has left', async () => {
    const fixture = await Fixture.open(['Abc', BROKEN, 'def', END, 'abcdef'])
    fixture.fetch('s1', crc32('abcdef'))
    await fixture.pass(1000)
    assert.deepEqual([fixture.offsets, fixture.outcomes], [[0, 3, 0], [`fetched ${CONTENT}`]])
    assert.equal(await fixture.text(CONTENT), 'abcdef')
  })

  it('gives up, with an alarm, if the bytes differ in every attempt', async () => {
    const fixture = await Fixture.open(Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? 'abcdeF' : END)))
    fixture.fetch('s1', crc32('abcdef'))
    await fixture.pass(20_000)
    assert.equal(fixture.offsets.length, 4)
    assert.match(
      fixture.outcomes[0] ?? '',
      /^failed s1: snapshot s1 was damaged on its way from n2: .*instead of 4b8e39ef/,
    )
    assert.match(fixture.alarms.get('SNAPSHOT_FETCH_FAILING') ?? '', /in 4 attempts: .*damaged/)
  })

  it('fetches a snapshot without a checksum, which an older version has taken', async () => {
    const fixture = await Fixture.open(['abcdeF'])
    fixture.fetch('s1')
    await fixture.pass(0)
    assert.deepEqual(fixture.outcomes, ['fetched s1'])
  })

  it('fetches nothing while the snapshot does not fit on the disk, and continues once it does', async () => {
    const fixture = await Fixture.open(['abc', 'def'])
    fixture.freeBytes = 15
    fixture.fetch('s1')
    await fixture.pass(10_000)
    assert.deepEqual([fixture.offsets, fixture.outcomes], [[], []])
    assert.match(fixture.alarms.get('SNAPSHOT_NO_SPACE') ?? '', /16 bytes are needed, 15 are free/)
    fixture.freeBytes = 16
    await fixture.pass(50)
    assert.deepEqual([fixture.stalls.at(-2), fixture.stalls.at(-1)], [15, undefined])
    assert.deepEqual([fixture.alarms.size, fixture.outcomes], [0, ['fetched s1']])
  })

  it('needs space only for the rest of a snapshot that it resumes', async () => {
    const fixture = await Fixture.open(['abc', BROKEN, 'def'])
    fixture.fetch('s1')
    await fixture.pass(0)
    fixture.freeBytes = 13
    await fixture.pass(100)
    assert.deepEqual(fixture.outcomes, ['fetched s1'])
  })

  it('stops waiting for space if another snapshot is offered, or if the log has what it needs', async () => {
    const fixture = await Fixture.open(['abcdef'])
    fixture.freeBytes = 0
    fixture.fetch('s1')
    await fixture.pass(100)
    fixture.fetch('s2')
    await fixture.pass(100)
    fixture.fetcher.onApplied(4)
    assert.equal(fixture.fetcher.fetchingId, 's2')
    fixture.fetcher.onApplied(5)
    fixture.freeBytes = 100
    await fixture.pass(1000)
    assert.deepEqual([fixture.offsets, fixture.outcomes, fixture.alarms.size], [[], [], 0])
  })

  it('waits longer after every failure, also if the leader offers other snapshots, and raises an alarm until one arrives', async () => {
    const fixture = await Fixture.open([...Array.from({ length: 12 }, () => BROKEN), 'abcdef'])
    for (const id of ['s1', 's2', 's3']) {
      fixture.fetch(id)
      await fixture.pass(id === 's1' ? 700 : 3000)
    }
    assert.equal(fixture.offsets.length, 10)
    assert.match(fixture.alarms.get('SNAPSHOT_FETCH_FAILING') ?? '', /10 attempts: the link broke/)
    await fixture.pass(10_000)
    fixture.fetch('s4')
    await fixture.pass(1000)
    assert.deepEqual([fixture.outcomes.at(-1), fixture.alarms.size], ['fetched s4', 0])
    assert.deepEqual(fixture.counted, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0])
  })

  it('replaces an earlier fetch, and does not report its end', async () => {
    const fixture = await Fixture.open(['abc', BROKEN, 'abcdef'])
    fixture.fetch('s1')
    await fixture.pass(10)
    fixture.fetch('s2')
    await fixture.pass(1000)
    assert.deepEqual(fixture.outcomes, ['fetched s2'])
  })
})

/** The name of a file with these bytes, of the snapshot that is offered here. */
const CONTENT = '5-1-9-6-kypbsf'
/** Ends an attempt without an error. */
const END = undefined
const BROKEN = new RaftError('ERR_RAFT_UNREACHABLE', 'the link broke')

/** Ends once the fixture resumes. */
const WAIT = Symbol('wait')
type Scripted = string | RaftError | typeof WAIT | undefined

/** A fetcher, and a leader that sends a script: text, or an error or END that ends the attempt. */
class Fixture {
  readonly time = new VirtualTime()
  readonly offsets: number[] = []
  readonly outcomes: string[] = []
  readonly codes: string[] = []
  readonly alarms = new Map<string, string>()
  readonly stalls: (number | undefined)[] = []
  readonly counted: number[] = []
  freeBytes: number | undefined
  readonly disk: MemoryDisk
  readonly storage: MemoryStorage
  readonly fetcher: SnapshotFetcher
  readonly #script: Scripted[]
  resume: () => void = () => undefined

  private constructor(script: readonly Scripted[], disk: MemoryDisk) {
    this.#script = [...script]
    this.disk = disk
    this.storage = new MemoryStorage({ disk })
    this.fetcher = new SnapshotFetcher({
      transport: { fetchSnapshot: (_, __, offset, signal) => this.#send(offset, signal) },
      storage: { snapshots: this.storage.snapshots, freeBytes: async () => this.freeBytes },
      clock: new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 }),
      retryMinMs: 100,
      retryMaxMs: 1000,
      attemptsMax: 4,
      freeBytesMin: 10,
      freeBytesCheckMs: 50,
      alarms: {
        raise: ({ code, message }) => this.alarms.set(code, message),
        clear: (code) => this.alarms.delete(code),
      },
      onStalled: (_, shortage) => this.stalls.push(shortage?.freeBytes),
      onCounted: (failures) => this.counted.push(failures),
      onFetched: ({ id }) => this.outcomes.push(`fetched ${id}`),
      onFailed: ({ id }, reason) => this.outcomes.push(`failed ${id}: ${reason}`),
      emit: (event) => event.type === 'fetchFailed' && this.codes.push(event.code),
    })
  }

  static async open(script: readonly Scripted[], disk?: MemoryDisk): Promise<Fixture> {
    const other = new MemoryDisk()
    if (disk !== undefined) for (const [id, partial] of disk.partials) other.partials.set(id, partial)
    const fixture = new Fixture(script, other)
    await fixture.storage.open({ clusterId: 'c', nodeId: 'n1' })
    return fixture
  }

  fetch(id: string, checksum?: number, leader = 'n2'): void {
    const membership = { members: [], voters: [], outgoing: [], learners: [] }
    const snapshot = { id, index: 5, term: 1, chain: 9, size: 6, membership, checksum } satisfies SnapshotInfo
    this.fetcher.fetch({ from: 'n2', leader, snapshot })
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
      if (next === WAIT) {
        await new Promise<void>((resolve, reject) => {
          this.resume = resolve
          signal.addEventListener('abort', () => reject(signal.reason))
        })
        continue
      }
      if (typeof next !== 'string') throw next
      yield Buffer.from(next)
    }
  }
}
