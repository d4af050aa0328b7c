import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { EncodedBlock } from '../../../src/contracts/encoded-block.ts'
import type { StorageWrite } from '../../../src/contracts/storage.ts'
import type { Persist } from '../../../src/core/effects.ts'
import type { Outgoing } from '../../../src/core/messages.ts'
import type { Block, SnapshotInfo } from '../../../src/core/types.ts'
import { decodeBlock, encodeBody, payloadsOf } from '../../../src/log-format/block.ts'
import { DiskImage } from '../../../src/memory/memory-disk.ts'
import { Meters } from '../../../src/runtime/meters.ts'
import { BlockCache } from '../../../src/runtime/pipeline/block-cache.ts'
import { Persister } from '../../../src/runtime/pipeline/persister.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { persist } from '../../core/effects.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the persister', () => {
  it('has one pending write, and merges the queued ones into the next', async () => {
    const fixture = new Fixture()
    for (let number = 1; number <= 4; number++) fixture.persister.persist(persist(number, { blocks: [noop(number)] }))
    assert.deepEqual(fixture.written, [[1]])
    await fixture.finish()
    assert.deepEqual(fixture.written, [[1], [2, 3, 4]])
    assert.deepEqual(fixture.persisted, [1])
    await fixture.finish()
    assert.deepEqual(fixture.persisted, [1, 4])
  })

  it('releases messages in order, once the write they wait for is durable', async () => {
    const fixture = new Fixture()
    fixture.persister.persist(persist(1, { blocks: [noop(1)], then: [message('a')] }))
    fixture.persister.persist(persist(2, { blocks: [noop(2)], then: [message('b')] }))
    fixture.persister.persist(persist(3, { then: [message('c')] }))
    assert.deepEqual(fixture.released, [])
    await fixture.finish()
    assert.deepEqual(fixture.released, ['a'])
    await fixture.finish()
    assert.deepEqual(fixture.released, ['a', 'b', 'c'])
  })

  it('completes its own block of commands in place, and keeps the bytes of a block from the leader', async () => {
    const fixture = new Fixture()
    const payload = encodeBody([Buffer.from('x'), Buffer.from('yz')])
    fixture.persister.persist(
      persist(1, { blocks: [{ first: 1, term: 3, count: 2, size: 47, kind: 'commands', payload }] }),
    )
    const [block] = fixture.blocks
    assert.deepEqual(
      payloadsOf(decodeBlock(block?.bytes ?? Buffer.alloc(0))).map((payload) => Buffer.from(payload).toString()),
      ['x', 'yz'],
    )
    assert.equal(block?.bytes, payload.bytes)
    assert.equal(fixture.cache.get(1, 3), block)
    fixture.persister.persist(persist(2, { blocks: [{ ...(block as EncodedBlock), first: 3 }] }))
    await fixture.finish()
    assert.equal(fixture.blocks[1]?.bytes, block?.bytes)
  })

  it('times durable writes, and none that may skip its sync', async () => {
    const fixture = new Fixture()
    fixture.persister.persist(persist(1, { blocks: [noop(1)] }))
    assert.deepEqual(fixture.timed, ['begin'])
    await fixture.finish()
    assert.deepEqual(fixture.timed, ['begin', 'end'])
    fixture.persister.persist(persist(2, { isUrgent: false }))
    fixture.time.step(60_000)
    await fixture.finish()
    assert.deepEqual(
      fixture.timed.filter((what) => what === 'begin'),
      ['begin'],
    )
  })

  it('delays a write that is not urgent until the next urgent one, or lazyWriteMs', async () => {
    const fixture = new Fixture()
    fixture.persister.persist(persist(1, { compactTo: 5, isUrgent: false }))
    assert.deepEqual(fixture.written, [])
    fixture.persister.persist(persist(2, { blocks: [noop(1)] }))
    assert.deepEqual(fixture.written, [[1]])
    await fixture.finish()
    fixture.persister.persist(persist(3, { compactTo: 6, isUrgent: false }))
    fixture.time.step(10_000)
    assert.deepEqual(fixture.written.length, 1)
    fixture.time.step(50_000)
    assert.deepEqual(fixture.written.length, 2)
  })

  it('writes, releases and reports nothing after a failed write', async () => {
    const fixture = new Fixture()
    fixture.persister.persist(persist(1, { blocks: [noop(1)], then: [message('a')] }))
    fixture.persister.persist(persist(2, { blocks: [noop(2)] }))
    await fixture.finish(new Error('EIO'))
    fixture.persister.persist(persist(3, { blocks: [noop(3)] }))
    assert.deepEqual([fixture.written, fixture.persisted, fixture.released], [[[1]], [], []])
    assert.deepEqual(fixture.failures, [new Error('EIO')])
  })

  it('reports a snapshot as recorded once its write is durable', async () => {
    const fixture = new Fixture()
    fixture.persister.persist(persist(1, { blocks: [noop(1)] }))
    fixture.persister.persist(persist(2, { snapshot: { info: snapshot(1), resetLog: false } }))
    assert.deepEqual(fixture.recorded, [])
    await fixture.finish()
    await fixture.finish()
    assert.deepEqual(fixture.recorded, ['s1'])
  })

  it('has the same effect in any grouping as write by write', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const fixture = new Fixture()
        const plain = new DiskImage()
        const generator = new WriteGenerator()
        for (const { choice, amount, finishes } of steps) {
          const write = generator.next(choice, amount)
          plain.apply({ ...write, blocks: write.blocks as EncodedBlock[] })
          fixture.persister.persist(write)
          if (finishes) await fixture.finish()
        }
        while (fixture.isWriting) await fixture.finish()
        const start = (plain.snapshot?.index ?? 0) + 1
        const tail = ({ log }: DiskImage) => log.blocks.filter((block) => block.first >= start).map(headerOf)
        assert.deepEqual(tail(fixture.image), tail(plain))
        assert.deepEqual(fixture.image.snapshot, plain.snapshot)
        assert.deepEqual(fixture.image.hardState, plain.hardState)
        for (const block of plain.log.blocks) {
          const cached = fixture.cache.get(block.first)
          if (cached !== undefined) assert.equal(cached.term, block.term)
        }
      }),
    ))
})

const step = fc.record({
  choice: fc.constantFrom('append', 'truncate', 'snapshot', 'reset', 'vote'),
  amount: fc.nat(20),
  finishes: fc.boolean(),
})

/** Generates writes as a core requests them. */
class WriteGenerator {
  #ends = [0]
  #snapshot = 0
  #number = 0
  #term = 1

  next(choice: string, amount: number): Persist {
    const number = ++this.#number
    const last = this.#ends[this.#ends.length - 1] as number
    switch (choice) {
      case 'append':
        this.#ends.push(last + 1 + (amount % 3))
        return persist(number, { blocks: [run(last + 1, this.#term, 1 + (amount % 3))] })
      case 'truncate': {
        const kept = this.#ends.filter((end) => end <= Math.max(this.#snapshot, last - amount))
        const after = kept[kept.length - 1] as number
        this.#term++
        this.#ends = [...kept, after + 2]
        return persist(number, { truncateAfter: after, blocks: [run(after + 1, this.#term, 2)] })
      }
      case 'snapshot': {
        const index = this.#ends[Math.min(this.#ends.length - 1, amount)] as number
        if (index <= this.#snapshot) return this.next('vote', amount)
        this.#snapshot = index
        return persist(number, { snapshot: { info: snapshot(index), resetLog: false }, compactTo: index })
      }
      case 'reset':
        this.#snapshot = last + 1 + amount
        this.#ends = [this.#snapshot]
        this.#term++
        return persist(number, { snapshot: { info: snapshot(this.#snapshot), resetLog: true } })
      default:
        this.#term++
        return persist(number, { hardState: { term: this.#term, votedFor: 'n1', commitIndex: 0 } })
    }
  }
}

/** A persister, and a disk that completes a write when `finish` is called. */
class Fixture {
  readonly time = new VirtualTime()
  readonly cache = new BlockCache(1_000_000)
  readonly image = new DiskImage()
  readonly written: number[][] = []
  readonly blocks: EncodedBlock[] = []
  readonly persisted: number[] = []
  readonly released: string[] = []
  readonly recorded: string[] = []
  readonly failures: unknown[] = []
  readonly timed: string[] = []
  readonly persister: Persister
  #pendingWrite: { write: StorageWrite; resolve: () => void; reject: (error: unknown) => void } | undefined

  constructor() {
    this.persister = new Persister({
      storage: { write: (write) => this.#write(write) },
      clock: new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 }),
      cache: this.cache,
      lazyWriteMs: 50,
      meters: new Meters(),
      diskSpeed: { begin: () => this.timed.push('begin'), end: () => this.timed.push('end') && 0 },
      release: (outgoing) => this.released.push(...outgoing.map(({ to }) => to)),
      onPersisted: (number) => this.persisted.push(number),
      onSnapshotRecorded: ({ id }) => this.recorded.push(id),
      onFailed: (error) => this.failures.push(error),
    })
  }

  get isWriting(): boolean {
    return this.#pendingWrite !== undefined
  }

  async finish(error?: Error): Promise<void> {
    const pending = this.#pendingWrite
    this.#pendingWrite = undefined
    if (pending === undefined) return
    if (error === undefined) {
      this.image.apply(pending.write)
      pending.resolve()
    } else pending.reject(error)
    await flushPromises()
  }

  #write(write: StorageWrite): Promise<void> {
    assert.equal(this.#pendingWrite, undefined, 'one write at a time')
    this.written.push(write.blocks.map(({ first }) => first))
    this.blocks.push(...write.blocks)
    return new Promise((resolve, reject) => {
      this.#pendingWrite = { write, resolve, reject }
    })
  }
}

function noop(first: number): Block {
  return { first, term: 1, count: 1, size: 40, kind: 'noop' }
}

function run(first: number, term: number, count: number): Block {
  const payload = encodeBody(Array.from({ length: count }, () => Buffer.from('x')))
  return { first, term, count, size: payload.bytes.length, checksum: payload.checksum, kind: 'commands', payload }
}

function snapshot(index: number): SnapshotInfo {
  const membership = { members: [], voters: [], outgoing: [], learners: [] }
  return { id: `s${index}`, index, term: 1, chain: 9, membership, size: 1 }
}

function message(to: string): Outgoing {
  return { to, message: { type: 'TimeoutNow', term: 1 } }
}

function headerOf({ first, term, count }: EncodedBlock): string {
  return `${first}+${count}@${term}`
}
