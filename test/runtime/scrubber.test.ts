import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../src/contracts/encoded-block.ts'
import type { NodeEvent } from '../../src/contracts/observer.ts'
import type { NodeId, SnapshotInfo } from '../../src/core/types.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import type { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { JournalNode, JournalOptions } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

const ID: NodeId = 'n1'
const INTERVAL_MS = 10_000

describe('the scrub', () => {
  let cluster: VirtualCluster
  let node: JournalNode

  afterEach(() => cluster.close())

  it('reads the whole log and the newest snapshot again after each pause, and reports it', async () => {
    await start()
    await propose(3)
    await cluster.runUntilSettled(node.takeSnapshot())
    await cluster.advance(3 * INTERVAL_MS + 1000)
    const [first, ...rest] = cluster.eventsOf(ID, 'scrubbed')
    assert.equal(rest.length, 2)
    const { files, view } = disk()
    const bytes = view.log.blocks.reduce((sum, { size }) => sum + size, 0) + ([...files.values()][0]?.size ?? 0)
    assert.equal(first?.blocks, view.log.blocks.length)
    assert.equal(first?.bytes, bytes)
  })

  it('reads no faster than scrubBytesPerSecond', async () => {
    await start({ scrubBytesPerSecond: 50 })
    await propose(5)
    await cluster.advance(INTERVAL_MS)
    const [scrubbed] = await cluster.runUntil(() => found('scrubbed'))
    const { bytes, tookMs } = scrubbed as { bytes: number; tookMs: number }
    assert.ok(bytes > 200 && tookMs >= (bytes * 1000) / 50 - 1, `${bytes} bytes in ${tookMs} ms`)
  })

  it('does not run with scrubBytesPerSecond 0', async () => {
    await start({ scrubBytesPerSecond: 0 })
    await propose(1)
    await cluster.advance(5 * INTERVAL_MS)
    assert.equal(found('scrubbed'), undefined)
  })

  it('stops the node at a valid block that is not the one of the log, with its index', async () => {
    await start()
    await propose(3)
    const changed = change('two', 'tow')
    const failure = await cluster.runUntilSettled(node.failed)
    assert.equal(failure.code, 'ERR_RAFT_CORRUPT')
    assert.match(failure.message, new RegExp(`the stored log has changed: the block from ${changed} to ${changed} `))
    assert.match(failure.hint ?? '', /replace this member/)
    assert.deepEqual(failure.details, { firstBadIndex: changed, lastGoodIndex: changed - 1 })
    assert.equal(found('scrubFailed')?.length, 1)
    await cluster.advance(5 * INTERVAL_MS)
    assert.equal(found('scrubFailed')?.length, 1)
  })

  it('stops the node at a missing block', async () => {
    await start()
    await propose(3)
    blocksOf(disk()).pop()
    const failure = await cluster.runUntilSettled(node.failed)
    assert.equal(failure.code, 'ERR_RAFT_CORRUPT')
    assert.match(failure.message, /the block from 5 to 5 of term \d+ is missing/)
  })

  for (const { what, damage, message } of [
    { what: 'too short', damage: (info: SnapshotInfo) => setFile(info, []), message: /has 0 bytes instead of \d+/ },
    { what: 'changed', damage: (info: SnapshotInfo) => flipByte(info), message: /has the checksum .* instead of/ },
    { what: 'missing', damage: (info: SnapshotInfo) => disk().files.delete(info.id), message: /is missing/ },
  ])
    it(`stops the node if the newest snapshot is ${what}`, async () => {
      await start()
      await propose(3)
      damage(await cluster.runUntilSettled(node.takeSnapshot()))
      const failure = await cluster.runUntilSettled(node.failed)
      assert.equal(failure.code, 'ERR_RAFT_CORRUPT')
      assert.match(failure.message, message)
    })

  it('does not mistake a log for damaged that is compacted while it is read', async () => {
    await start({ scrubBytesPerSecond: 50, trailingEntries: 0 })
    await propose(8)
    await cluster.advance(INTERVAL_MS + 500)
    assert.equal(found('scrubbed'), undefined)
    await cluster.runUntilSettled(node.takeSnapshot())
    await propose(3)
    await cluster.runUntilSettled(node.takeSnapshot())
    await cluster.runUntil(() => found('scrubbed'))
    assert.equal(found('scrubFailed'), undefined)
    assert.equal(node.statusNow().stopped, undefined)
  })

  it('raises an alarm while the log cannot be read, and continues', async () => {
    let isFailing = true
    await start({}, (storage) => {
      const read = storage.read.bind(storage)
      storage.read = (from, bytesMax) =>
        isFailing ? Promise.reject(new Error('input/output error')) : read(from, bytesMax)
    })
    await propose(1)
    await cluster.runUntil(() => node.statusNow().alarms.some(({ code }) => code === 'SCRUB_FAILED'))
    assert.match(node.statusNow().alarms[0]?.message ?? '', /input\/output error/)
    isFailing = false
    await cluster.runUntil(() => found('scrubbed'))
    assert.deepEqual(node.statusNow().alarms, [])
  })

  it('ends with the node, in the middle of a snapshot too', async () => {
    await start({ scrubBytesPerSecond: 1 })
    await propose(1)
    await cluster.runUntilSettled(node.takeSnapshot())
    await cluster.advance(INTERVAL_MS + 10)
    await cluster.runUntilSettled(node.close())
    await cluster.advance(5 * INTERVAL_MS)
    assert.equal(found('scrubbed'), undefined)
    assert.equal(found('scrubFailed'), undefined)
  })

  async function start(options: JournalOptions = {}, wrap?: (storage: MemoryStorage) => void): Promise<void> {
    cluster = new VirtualCluster(ID, { scrubIntervalMs: INTERVAL_MS, ...options })
    node = await cluster.start(ID)
    if (wrap !== undefined) {
      cluster.crash(ID)
      const storage = new MemoryStorage({ disk: disk() })
      wrap(storage)
      node = await cluster.start(ID, { storage })
    }
  }

  async function propose(count: number): Promise<void> {
    const leader = await cluster.leader()
    const words = ['one', 'two', 'three']
    for (let number = 0; number < count; number++)
      await cluster.runUntilSettled(leader.propose(words[number] ?? `word ${number}`))
  }

  function disk(): MemoryDisk {
    return cluster.disks.get(ID) as MemoryDisk
  }

  function flipByte(info: SnapshotInfo): void {
    const chunk = disk().files.get(info.id)?.chunks[0] as Uint8Array
    chunk[0] = (chunk[0] as number) ^ 1
  }

  function setFile(info: SnapshotInfo, chunks: readonly Uint8Array[]): void {
    disk().files.set(info.id, { info, chunks, size: 0 })
  }

  function blocksOf({ view }: MemoryDisk): EncodedBlock[] {
    return view.log.blocks as EncodedBlock[]
  }

  /** Replaces a command in the stored log, with a valid checksum. Returns its index. */
  function change(from: string, to: string): number {
    const blocks = blocksOf(disk())
    const offset = blocks.findIndex(({ bytes }) => Buffer.from(bytes).includes(from))
    const { first, term, bytes } = blocks[offset] as EncodedBlock
    const payload = Buffer.from(bytes.subarray(40)).toString('latin1').replace(from, to)
    blocks[offset] = encodeCommands(first, term, [Buffer.from(payload, 'latin1')])
    return first
  }

  /** Undefined if there is none, so that a test can wait for the first. */
  function found<Type extends NodeEvent['type']>(type: Type): Extract<NodeEvent, { type: Type }>[] | undefined {
    const events = cluster.eventsOf(ID, type)
    return events.length > 0 ? events : undefined
  }
})
