import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { EncodedBlock } from '../../../src/contracts/encoded-block.ts'
import type { StorageWrite } from '../../../src/contracts/storage.ts'
import type { Persist } from '../../../src/core/effects.ts'
import type { Outgoing } from '../../../src/core/messages.ts'
import type { Block, SnapshotInfo } from '../../../src/core/types.ts'
import { decodeBlock, payloadsOf } from '../../../src/log-format/block.ts'
import { DiskImage } from '../../../src/memory/memory-disk.ts'
import { BlockCache } from '../../../src/runtime/pipeline/block-cache.ts'
import { Persister } from '../../../src/runtime/pipeline/persister.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { persist } from '../../core/effects.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the persister', () => {
  it('has one write under way, and puts all that waits into the next', async () => {
    const desk = new Fixture()
    for (let number = 1; number <= 4; number++) desk.persister.persist(persist(number, { blocks: [noop(number)] }))
    assert.deepEqual(desk.written, [[1]])
    await desk.finish()
    assert.deepEqual(desk.written, [[1], [2, 3, 4]])
    assert.deepEqual(desk.persisted, [1])
    await desk.finish()
    assert.deepEqual(desk.persisted, [1, 4])
  })

  it('lets messages go only once the write they wait for is durable, in order', async () => {
    const desk = new Fixture()
    desk.persister.persist(persist(1, { blocks: [noop(1)], then: [message('a')] }))
    desk.persister.persist(persist(2, { blocks: [noop(2)], then: [message('b')] }))
    desk.persister.persist(persist(3, { then: [message('c')] }))
    assert.deepEqual(desk.released, [])
    await desk.finish()
    assert.deepEqual(desk.released, ['a'])
    await desk.finish()
    assert.deepEqual(desk.released, ['a', 'b', 'c'])
  })

  it('encodes a block of commands once, where the core has placed it, and keeps what the leader has encoded', async () => {
    const desk = new Fixture()
    const payload = [Buffer.from('x'), Buffer.from('yz')]
    desk.persister.persist(
      persist(1, { blocks: [{ first: 1, term: 3, count: 2, size: 43, kind: 'commands', payload }] }),
    )
    const [block] = desk.blocks
    assert.deepEqual(
      payloadsOf(decodeBlock(block?.bytes ?? Buffer.alloc(0))).map((payload) => Buffer.from(payload).toString()),
      ['x', 'yz'],
    )
    assert.equal(desk.cache.get(1, 3), block)
    desk.persister.persist(persist(2, { blocks: [{ ...(block as EncodedBlock), first: 3 }] }))
    await desk.finish()
    assert.equal(desk.blocks[1]?.bytes, block?.bytes)
  })

  it('lets a write that nobody waits for join the next one, or go alone after a while', async () => {
    const desk = new Fixture()
    desk.persister.persist(persist(1, { compactTo: 5, isUrgent: false }))
    assert.deepEqual(desk.written, [])
    desk.persister.persist(persist(2, { blocks: [noop(1)] }))
    assert.deepEqual(desk.written, [[1]])
    await desk.finish()
    desk.persister.persist(persist(3, { compactTo: 6, isUrgent: false }))
    desk.time.step(10_000)
    assert.deepEqual(desk.written.length, 1)
    desk.time.step(50_000)
    assert.deepEqual(desk.written.length, 2)
  })

  it('stops for good at the first failed write: no further one, no message, no promise', async () => {
    const desk = new Fixture()
    desk.persister.persist(persist(1, { blocks: [noop(1)], then: [message('a')] }))
    desk.persister.persist(persist(2, { blocks: [noop(2)] }))
    await desk.finish(new Error('EIO'))
    desk.persister.persist(persist(3, { blocks: [noop(3)] }))
    assert.deepEqual([desk.written, desk.persisted, desk.released], [[[1]], [], []])
    assert.deepEqual(desk.failures, [new Error('EIO')])
  })

  it('says that a snapshot is recorded once it is, so that older files may go', async () => {
    const desk = new Fixture()
    desk.persister.persist(persist(1, { blocks: [noop(1)] }))
    desk.persister.persist(persist(2, { snapshot: { info: snapshot(1), resetLog: false } }))
    assert.deepEqual(desk.recorded, [])
    await desk.finish()
    await desk.finish()
    assert.deepEqual(desk.recorded, ['s1'])
  })

  it('writes the same in any grouping as one by one', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const desk = new Fixture()
        const plain = new DiskImage()
        const author = new WriteGenerator()
        for (const { choice, amount, finishes } of steps) {
          const write = author.next(choice, amount)
          plain.apply({ ...write, blocks: write.blocks as EncodedBlock[] })
          desk.persister.persist(write)
          if (finishes) await desk.finish()
        }
        while (desk.isWriting) await desk.finish()
        const start = (plain.snapshot?.index ?? 0) + 1
        const tail = ({ log }: DiskImage) => log.blocks.filter((block) => block.first >= start).map(headerOf)
        assert.deepEqual(tail(desk.image), tail(plain))
        assert.deepEqual(desk.image.snapshot, plain.snapshot)
        assert.deepEqual(desk.image.hardState, plain.hardState)
        for (const block of plain.log.blocks) {
          const cached = desk.cache.get(block.first)
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

/** Writes as a core would ask for them. */
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

/** A persister, and a disk that is done when it is told to. */
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
  readonly persister: Persister
  #underWay: { write: StorageWrite; resolve: () => void; reject: (error: unknown) => void } | undefined

  constructor() {
    this.persister = new Persister({
      storage: { write: (write) => this.#write(write) },
      clock: new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 }),
      cache: this.cache,
      lazyWriteMs: 50,
      release: (outgoing) => this.released.push(...outgoing.map(({ to }) => to)),
      onPersisted: (number) => this.persisted.push(number),
      onSnapshotRecorded: ({ id }) => this.recorded.push(id),
      onFailed: (error) => this.failures.push(error),
    })
  }

  get isWriting(): boolean {
    return this.#underWay !== undefined
  }

  async finish(error?: Error): Promise<void> {
    const underWay = this.#underWay
    this.#underWay = undefined
    if (underWay === undefined) return
    if (error === undefined) {
      this.image.apply(underWay.write)
      underWay.resolve()
    } else underWay.reject(error)
    await flushPromises()
  }

  #write(write: StorageWrite): Promise<void> {
    assert.equal(this.#underWay, undefined, 'one write at a time')
    this.written.push(write.blocks.map(({ first }) => first))
    this.blocks.push(...write.blocks)
    return new Promise((resolve, reject) => {
      this.#underWay = { write, resolve, reject }
    })
  }
}

function noop(first: number): Block {
  return { first, term: 1, count: 1, size: 36, kind: 'noop' }
}

function run(first: number, term: number, count: number): Block {
  const payload = Array.from({ length: count }, () => Buffer.from('x'))
  return { first, term, count, size: 32 + 5 * count, kind: 'commands', payload }
}

function snapshot(index: number): SnapshotInfo {
  const membership = { members: [], voters: [], outgoing: [], learners: [] }
  return { id: `s${index}`, index, term: 1, membership, size: 1 }
}

function message(to: string): Outgoing {
  return { to, message: { type: 'TimeoutNow', term: 1 } }
}

function headerOf({ first, term, count }: EncodedBlock): string {
  return `${first}+${count}@${term}`
}
