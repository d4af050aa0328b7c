import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import type { RuntimeEvent } from '../../src/contracts/observer.ts'
import type { SnapshotStore } from '../../src/contracts/storage.ts'
import type { Effects } from '../../src/core/effects.ts'
import type { Input } from '../../src/core/inputs.ts'
import type { Message } from '../../src/core/messages.ts'
import type { SnapshotInfo } from '../../src/core/types.ts'
import { RaftError } from '../../src/errors.ts'
import { encodeNoop } from '../../src/log-format/block.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import { onAbort } from '../../src/platform/on-abort.ts'
import { CallDeadlines } from '../../src/runtime/calls/call-deadlines.ts'
import { DiskSpace } from '../../src/runtime/disk-space.ts'
import { EventHub } from '../../src/runtime/event-hub.ts'
import { logObserver } from '../../src/runtime/log-observer.ts'
import { BlockCache } from '../../src/runtime/pipeline/block-cache.ts'
import type { Core, EffectHandlers } from '../../src/runtime/pipeline/driver.ts'
import { Driver } from '../../src/runtime/pipeline/driver.ts'
import { Mailbox } from '../../src/runtime/pipeline/mailbox.ts'
import { SnapshotRetention } from '../../src/runtime/snapshots/snapshot-retention.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'
import { NO_EFFECTS } from '../core/effects.ts'
import { flushPromises } from './virtual-cluster.ts'

const heartbeat: Message = {
  ...{
    type: 'AppendEntriesRequest',
    term: 1,
    prevIndex: 0,
    prevTerm: 0,
    commitIndex: 0,
    blocks: [],
    round: 1,
    session: 0,
  },
} as const

describe('the mailbox', () => {
  it('loses a peer’s message when it is full, but never one of the node’s own', () => {
    const mailbox = new Mailbox({ messagesMax: 2, bytesMax: 1e6 })
    assert.deepEqual(
      [1, 2, 3].map(() => mailbox.receive('n2', { ...heartbeat, blocks: [] })),
      [true, true, false],
    )
    mailbox.post({ type: 'timeout' })
    assert.deepEqual(
      mailbox.take().map(({ type }) => type),
      ['receive', 'receive', 'timeout'],
    )
    assert.equal(mailbox.dropped, 1)
    assert.ok(mailbox.receive('n2', { ...heartbeat, blocks: [] }))
  })

  it('is full by bytes too, and takes a larger message alone', () => {
    const mailbox = new Mailbox({ messagesMax: 100, bytesMax: 300 })
    const large = { ...heartbeat, blocks: [{ ...encodeNoop(1, 1), size: 1000 }] }
    assert.ok(mailbox.receive('n2', large))
    assert.ok(!mailbox.receive('n2', { ...heartbeat, blocks: [] }))
  })
})

describe('the driver', () => {
  it('takes all that happens in one turn in one step, and hands the effects out in one order', () => {
    const desk = new DriverFixture()
    desk.driver.start()
    desk.driver.post({ type: 'applied', index: 1 })
    desk.driver.post({ type: 'applied', index: 2 })
    desk.answer = {
      ...NO_EFFECTS,
      persist: {} as never,
      send: [{} as never],
      apply: { from: 1, to: 2 },
      install: {} as never,
      fetch: { from: 'n2', snapshot: {} as never },
      takeSnapshot: true,
      settle: [{} as never],
      events: [{} as never],
    }
    desk.time.step(0)
    assert.deepEqual(desk.steps, ['', 'applied applied'])
    assert.deepEqual(
      desk.calls.slice(-9),
      'persist settle events send install apply fetch takeSnapshot afterStep'.split(' '),
    )
  })

  it('wakes the core when it asked to be woken, and not when it has changed its mind', () => {
    const desk = new DriverFixture()
    desk.answer = { ...NO_EFFECTS, wakeAt: 100 }
    desk.driver.start()
    desk.answer = { ...NO_EFFECTS, wakeAt: 250 }
    desk.driver.post({ type: 'applied', index: 1 })
    while (desk.time.step(249_999));
    assert.deepEqual(desk.steps, ['', 'applied'])
    while (desk.time.step(250_000));
    assert.deepEqual(desk.steps, ['', 'applied', 'timeout'])
  })

  it('takes an earlier wish at its word', () => {
    const desk = new DriverFixture()
    desk.answer = { ...NO_EFFECTS, wakeAt: 1000 }
    desk.driver.start()
    desk.answer = { ...NO_EFFECTS, wakeAt: 50 }
    desk.driver.post({ type: 'applied', index: 1 })
    while (desk.time.step(50_000));
    assert.deepEqual(desk.steps, ['', 'applied', 'timeout'])
  })

  it('stops when the core breaks its own law', () => {
    const desk = new DriverFixture()
    desk.driver.start()
    desk.answer = undefined
    desk.driver.post({ type: 'applied', index: 1 })
    desk.driver.post({ type: 'applied', index: 2 })
    while (desk.time.step(1000));
    assert.deepEqual(desk.calls.slice(-1), ['onFatalError'])
    desk.driver.post({ type: 'applied', index: 3 })
    while (desk.time.step(2000));
    assert.equal(desk.steps.length, 2)
  })
})

describe('the block cache', () => {
  it('keeps the newest blocks, and lets go of the oldest that are on disk', () => {
    const cache = new BlockCache(100)
    for (let first = 1; first <= 5; first++) cache.put(encodeNoop(first, 1))
    assert.equal(cache.bytes, 180)
    cache.onPersisted(2)
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((first) => cache.get(first) !== undefined),
      [false, false, true, true, true],
    )
    cache.onPersisted(5)
    assert.equal(cache.bytes, 72)
  })

  it('knows a block by its term, and forgets what is truncated or no longer joins', () => {
    const cache = new BlockCache(1000)
    for (let first = 1; first <= 4; first++) cache.put(encodeNoop(first, 1))
    cache.put(encodeNoop(3, 2))
    assert.equal(cache.get(3, 1), undefined)
    assert.equal(cache.get(3, 2)?.term, 2)
    assert.equal(cache.get(4), undefined)
    cache.truncateAfter(1)
    assert.equal(cache.get(2), undefined)
    cache.put(encodeNoop(9, 2))
    assert.equal(cache.get(1), undefined)
    assert.equal(cache.bytes, 36)
  })
})

describe('deadlines', () => {
  it('are looked through when the earliest is due, and not before', () => {
    const time = new VirtualTime()
    const sweeps: number[] = []
    const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
    const deadlines = new CallDeadlines(clock, 5000, [(now) => sweeps.push(now) && Number.POSITIVE_INFINITY])
    assert.equal(deadlines.deadlineFor(undefined), 5000)
    assert.equal(deadlines.deadlineFor({ timeoutMs: 300 }), 300)
    deadlines.deadlineFor({ timeoutMs: 400 })
    while (time.step(299_000));
    assert.deepEqual(sweeps, [])
    while (time.step(10_000_000));
    assert.deepEqual(sweeps, [300])
  })

  it('must be positive', () => {
    const clock = new NodeClock(new VirtualTime(), { startMs: 0, ratePerMille: 1000 })
    const deadlines = new CallDeadlines(clock, 5000, [])
    for (const timeoutMs of [0, -1, Number.NaN])
      assert.throws(() => deadlines.deadlineFor({ timeoutMs }), { code: 'ERR_RAFT_OPTIONS' })
  })
})

describe('the watch over free space', () => {
  it('tells when it becomes low and when there is room again, and gives leadership away all the while', async () => {
    const time = new VirtualTime()
    const told: string[] = []
    let free = 1000
    const space = new DiskSpace({
      storage: { freeBytes: async () => free },
      clock: new NodeClock(time, { startMs: 0, ratePerMille: 1000 }),
      freeBytesMin: 100,
      checkMs: 10,
      emit: (event: RuntimeEvent) => told.push(event.type),
      onLow: () => told.push('low'),
    })
    await space.watch()
    for (const bytes of [99, 50, 110, 124, 125, 126]) {
      free = bytes
      time.step(time.nowUs + 10_000)
      await flushPromises()
    }
    assert.deepEqual(told, ['spaceLow', 'low', 'low', 'low', 'low', 'spaceBack'])
    assert.equal(space.writeError, undefined)
    space.stop()
  })
})

describe('the event hub', () => {
  it('does not let an observer that throws disturb the node or the other observers', async () => {
    const seen: string[] = []
    const bad = {
      event: () => {
        throw new Error('not my day')
      },
    }
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    const hub = new EventHub('n1', [bad, { event: (_, { type }) => seen.push(type) }], 10)
    hub.emit({ type: 'stopped' })
    hub.emit({ type: 'stopped' })
    assert.deepEqual(seen, ['stopped', 'stopped'])
    assert.match((await warned).message, /observer of n1 threw.*not my day/)
  })
})

describe('the shelf of snapshots', () => {
  it('keeps the newest two, and those that are being read or written', async () => {
    const storage = new MemoryStorage()
    await storage.open({ clusterId: 'c', nodeId: 'n1' })
    const write = (id: string): Promise<void> => writeSnapshot(storage, id)
    for (const id of ['s1', 's2', 'fetching']) await write(id)
    const shelf = new SnapshotRetention(storage, 's1', () => [undefined, 'fetching'], assert.fail)
    const reading = shelf.read('s2', 0)
    await reading.next()
    for (const id of ['s3', 's4', 's5']) {
      await write(id)
      shelf.onRecorded(snapshotOf(id))
      await flushPromises()
    }
    assert.deepEqual([...(await storage.snapshots.list())].sort(), ['fetching', 's2', 's4', 's5'])
    await reading.return()
    await write('s6')
    shelf.onRecorded(snapshotOf('s6'))
    await flushPromises()
    assert.deepEqual([...(await storage.snapshots.list())].sort(), ['fetching', 's5', 's6'])
  })

  it('keeps a whole file that waits to be recorded while an older one is', async () => {
    const storage = new MemoryStorage()
    await storage.open({ clusterId: 'c', nodeId: 'n1' })
    const shelf = new SnapshotRetention(storage, undefined, () => [], assert.fail)
    for (const id of ['s1', 's2']) {
      await writeSnapshot(storage, id)
      shelf.onFinished(snapshotOf(id))
    }
    shelf.onRecorded(snapshotOf('s1'))
    await flushPromises()
    assert.deepEqual([...(await storage.snapshots.list())].sort(), ['s1', 's2'])
  })

  it('tells of a file that is damaged, to the peer who reads it and to whoever watches the node', async () => {
    const damage = new RaftError('ERR_RAFT_CORRUPT', 'frame 3 of s1 is damaged')
    const snapshots = {
      read: async function* () {
        yield Buffer.from('x')
        throw damage
      },
    } as unknown as SnapshotStore
    const told: string[] = []
    const shelf = new SnapshotRetention(
      { snapshots },
      's1',
      () => [],
      (message) => told.push(message),
    )
    await assert.rejects(async () => {
      for await (const _ of shelf.read('s1', 0));
    }, damage)
    assert.deepEqual(told, ['a snapshot cannot be handed out: frame 3 of s1 is damaged'])
  })
})

/** The number in its name is the index it is of. */
function snapshotOf(id: string): SnapshotInfo {
  const membership = { members: [], voters: [], outgoing: [], learners: [] }
  return { id, index: Number(id.slice(1)) || 1, term: 1, size: 2, membership }
}

async function writeSnapshot(storage: MemoryStorage, id: string): Promise<void> {
  const writer = await storage.snapshots.create(snapshotOf(id))
  for (const text of ['x', 'y']) await writer.write(Buffer.from(text))
  await writer.finish()
}

describe('the ear on a signal', () => {
  it('is one for all calls that share it, and hears nothing for those that have ended', () => {
    const stopping = new AbortController()
    const heard: number[] = []
    const ends = Array.from({ length: 100 }, (_, call) => onAbort(stopping.signal, () => heard.push(call)))
    assert.equal(getEventListeners(stopping.signal, 'abort').length, 1)
    for (const end of ends.slice(1)) end()
    stopping.abort()
    assert.deepEqual(heard, [0])
  })
})

describe('log lines', () => {
  it('are JSON off a terminal and prose on one', () => {
    const lines: string[] = []
    const stream = { write: (line: string) => lines.push(line) }
    const event = { type: 'becameLeader', term: 3, noopIndex: 7 } as const
    for (const isTTY of [false, true]) logObserver({ stream: { ...stream, isTTY }, now: () => 0 }).event('n1', event)
    assert.deepEqual(lines, [
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","node":"n1","event":"becameLeader","term":3,"noopIndex":7}\n',
      '00:00:00.000 n1 became leader: term=3 noopIndex=7\n',
    ])
  })

  it('do not repeat themselves about the same peer, and say how often they would have', () => {
    const lines: string[] = []
    let now = 0
    const observer = logObserver({
      stream: { write: (line) => lines.push(line) },
      now: () => now,
      repeatMax: 2,
      json: false,
    })
    const lost = (peer: string) => ({ type: 'peerLost', peer, reason: 'gone' }) as const
    for (let n = 0; n < 10; n++) observer.event('n1', lost('n2'))
    observer.event('n1', lost('n3'))
    assert.equal(lines.length, 3)
    now = 60_000
    observer.event('n1', lost('n2'))
    assert.match(lines[3] ?? '', /\(repeated 8 times\)/)
  })
})

/** A driver, a core that answers what it is told to, and hands that write down what they are asked for. */
class DriverFixture {
  readonly time = new VirtualTime()
  readonly steps: string[] = []
  readonly calls: string[] = []
  readonly driver: Driver
  answer: Effects | undefined = NO_EFFECTS

  constructor() {
    const core = {
      step: (_: number, inputs: readonly Input[]) => {
        this.steps.push(inputs.map(({ type }) => type).join(' '))
        if (this.answer === undefined) throw new Error('a broken law')
        return inputs.some(({ type }) => type === 'timeout') ? NO_EFFECTS : this.answer
      },
    } as unknown as Core
    const hands = new Proxy({} as EffectHandlers, { get: (_, name) => () => void this.calls.push(String(name)) })
    const clock = new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 })
    this.driver = new Driver({
      core,
      clock,
      handlers: hands,
      mailbox: new Mailbox({ messagesMax: 10, bytesMax: 1000 }),
    })
  }
}
