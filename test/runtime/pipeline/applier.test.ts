import assert from 'node:assert/strict'
import type { Clock } from '../../../src/contracts/clock.ts'
import type { EncodedBlock } from '../../../src/contracts/encoded-block.ts'
import type { SnapshotInfo } from '../../../src/core/types.ts'
import { RaftError } from '../../../src/errors.ts'
import { encodeCommands, encodeNoop } from '../../../src/log-format/block.ts'
import { MemoryStorage } from '../../../src/memory/memory-storage.ts'
import { bytesCodec } from '../../../src/platform/json-codec.ts'
import { Proposals } from '../../../src/runtime/calls/proposals.ts'
import { Applier } from '../../../src/runtime/pipeline/applier.ts'
import { BlockCache } from '../../../src/runtime/pipeline/block-cache.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the applier', () => {
  it('applies whole ranges in order, from memory at once, and says how far it is', () => {
    const desk = new Fixture()
    desk.cached(encodeNoop(1, 1), commands(2, 'a', 'b'), commands(4, 'c'))
    desk.applier.apply({ from: 1, to: 4 })
    desk.applier.apply({ from: 4, to: 5 })
    assert.deepEqual(desk.log, ['a@2', 'b@3', 'applied 3', 'c@4', 'applied 4'])
  })

  it('reads what is not in memory from disk', async () => {
    const desk = new Fixture()
    desk.disk = [commands(1, 'a'), commands(2, 'b'), commands(3, 'c')]
    desk.applier.apply({ from: 1, to: 3 })
    desk.applier.apply({ from: 3, to: 4 })
    await flushPromises()
    assert.deepEqual(desk.log, ['a@1', 'b@2', 'applied 2', 'c@3', 'applied 3'])
  })

  it('gives the event loop its turn, also within a block, and tells only of whole blocks', () => {
    const desk = new Fixture()
    desk.msPerCommand = 5
    desk.cached(commands(1, 'a'), commands(2, 'b', 'c', 'd', 'e'))
    desk.applier.apply({ from: 1, to: 6 })
    assert.deepEqual(desk.log, ['a@1', 'b@2', 'applied 1'])
    desk.turn()
    assert.deepEqual(desk.log, ['a@1', 'b@2', 'applied 1'])
  })

  it('goes on after a turn where it stopped', async () => {
    const desk = new Fixture()
    desk.msPerCommand = 5
    desk.cached(commands(1, 'a', 'b', 'c', 'd', 'e'))
    desk.applier.apply({ from: 1, to: 6 })
    while (desk.turn()) await flushPromises()
    assert.deepEqual(desk.log, ['a@1', 'b@2', 'c@3', 'd@4', 'e@5', 'applied 5'])
  })

  it('catches the state between two blocks only', async () => {
    const desk = new Fixture()
    desk.msPerCommand = 5
    desk.cached(commands(1, 'a', 'b', 'c', 'd'), commands(5, 'e'))
    desk.applier.apply({ from: 1, to: 6 })
    desk.applier.atBoundary(() => desk.log.push(`state at ${desk.applier.appliedIndex}`))
    while (desk.turn()) await flushPromises()
    assert.deepEqual(desk.log, ['a@1', 'b@2', 'c@3', 'd@4', 'state at 4', 'e@5', 'applied 5'])
  })

  it('restores a snapshot before it applies what follows, and drops what it replaces', async () => {
    const desk = new Fixture()
    await desk.snapshot('s7', 7, 'state of 7')
    desk.disk = [commands(8, 'h')]
    desk.applier.apply({ from: 1, to: 4 })
    desk.applier.install(info('s7', 7))
    desk.applier.apply({ from: 8, to: 9 })
    assert.equal(desk.applier.isReadable, false)
    await flushPromises()
    await flushPromises()
    assert.deepEqual(desk.log, ['state of 7', 'restored 7', 'applied 7', 'h@8', 'applied 8'])
    assert.equal(desk.applier.isReadable, true)
    assert.deepEqual(desk.failures, [])
  })

  it('ends the proposals of a block that a snapshot cuts short as unknown', async () => {
    const desk = new Fixture()
    desk.msPerCommand = 10
    await desk.snapshot('s7', 7, 'state of 7')
    const end = desk.propose(2, 'a', 'b')
    desk.cached(commands(2, 'a', 'b'))
    desk.applier.apply({ from: 2, to: 4 })
    desk.applier.install(info('s7', 7))
    assert.deepEqual(await end, ['a', 'ERR_RAFT_OUTCOME_UNKNOWN'])
  })

  it('hands out bytes whose slice is a copy, as that of every Uint8Array', async () => {
    const desk = new Fixture()
    desk.cached(commands(1, 'a'))
    desk.applier.apply({ from: 1, to: 2 })
    await desk.snapshot('s7', 7, 'state of 7')
    desk.applier.install(info('s7', 7))
    await flushPromises()
    assert.deepEqual(desk.kinds, [false, false])
  })

  it('stops at a command that throws: nothing after it is applied, and its index is told', async () => {
    const desk = new Fixture()
    desk.cached(commands(1, 'a', 'boom', 'c'), commands(4, 'd'))
    const end = desk.propose(1, 'a', 'boom', 'c')
    desk.applier.apply({ from: 1, to: 5 })
    desk.applier.apply({ from: 5, to: 6 })
    assert.deepEqual(desk.log, ['a@1'])
    const [failure] = desk.failures as RaftError[]
    assert.equal(failure?.code, 'ERR_RAFT_APPLY')
    assert.deepEqual(failure?.details, { index: 2, term: 1 })
    assert.deepEqual(await end, ['a', 'ERR_RAFT_OUTCOME_UNKNOWN', 'ERR_RAFT_OUTCOME_UNKNOWN'])
  })

  it('tells a machine that cannot restore from a disk that cannot be read', async () => {
    const damaged = new Fixture()
    damaged.applier.install(info('missing', 7))
    await flushPromises()
    assert.equal((damaged.failures[0] as RaftError).code, 'ERR_RAFT_SNAPSHOT_GONE')
    const puzzled = new Fixture()
    await puzzled.snapshot('s7', 7, 'boom')
    puzzled.applier.install(info('s7', 7))
    await flushPromises()
    assert.equal((puzzled.failures[0] as RaftError).code, 'ERR_RAFT_APPLY')
  })
})

class Fixture {
  readonly log: string[] = []
  readonly failures: unknown[] = []
  /** Whether bytes that the machine was given were a Buffer. */
  readonly kinds: boolean[] = []
  readonly cache = new BlockCache(1_000_000)
  readonly proposals = new Proposals({
    blockEntriesMax: 100,
    blockBytesMax: 1000,
    pendingProposalsMax: 100,
    pendingProposalBytesMax: 1000,
  })
  readonly storage = new MemoryStorage()
  readonly #opened = this.storage.open({ clusterId: 'c', nodeId: 'n1' })
  readonly #deferred: (() => void)[] = []
  readonly applier: Applier<Uint8Array, string>
  disk: EncodedBlock[] = []
  msPerCommand = 0
  #now = 0

  constructor() {
    const clock: Clock = {
      now: () => this.#now,
      wakeAt: () => ({ cancel: () => undefined }),
      defer: (callback) => this.#deferred.push(callback),
    }
    this.applier = new Applier<Uint8Array, string>({
      machine: {
        apply: (command, { index }) => this.#saw(command) ?? this.#apply(Buffer.from(command).toString(), index),
        restore: (chunks) => this.#restore(chunks),
      },
      codec: bytesCodec,
      storage: { snapshots: this.storage.snapshots, read: (from) => this.#read(from) },
      cache: this.cache,
      clock,
      proposals: this.proposals,
      readBytesMax: 1000,
      applyTurnMs: 8,
      onApplied: (index) => this.log.push(`applied ${index}`),
      onRestored: ({ index }) => this.log.push(`restored ${index}`),
      onFailed: (error) => this.failures.push(error),
    })
  }

  cached(...blocks: readonly EncodedBlock[]): void {
    for (const block of blocks) this.cache.put(block)
  }

  /** One turn of the event loop; says whether there was anything to do. */
  turn(): boolean {
    const callback = this.#deferred.shift()
    callback?.()
    return callback !== undefined
  }

  async snapshot(id: string, index: number, text: string): Promise<void> {
    await this.#opened
    const writer = await this.storage.snapshots.create({ ...info(id, index), size: text.length })
    await writer.write(Buffer.from(text))
    await writer.finish()
  }

  /** Accepted at `first` in term 1; how each ends. */
  propose(first: number, ...texts: readonly string[]): Promise<string[]> {
    const ends = texts.map((text) =>
      new Promise<string>((resolve, reject) => {
        this.proposals.add({
          command: Buffer.from(text),
          deadline: 1e9,
          signal: undefined,
          wantsLanding: false,
          resolve,
          reject,
        })
      }).catch((error: RaftError) => error.code),
    )
    this.proposals.collectInputs(() => undefined)
    this.proposals.accepted(1, first, 1)
    return Promise.all(ends)
  }

  #saw(bytes: Uint8Array): undefined {
    this.kinds.push(Buffer.isBuffer(bytes))
  }

  #apply(text: string, index: number): string {
    if (text === 'boom') throw new Error('boom')
    this.#now += this.msPerCommand
    this.log.push(`${text}@${index}`)
    return text
  }

  async #restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      this.#saw(chunk)
      if (String(Buffer.from(chunk)) === 'boom') throw new Error('boom')
      this.log.push(String(Buffer.from(chunk)))
    }
  }

  async #read(from: number): Promise<EncodedBlock[]> {
    const offset = this.disk.findIndex(({ first }) => first === from)
    if (offset === -1) throw new RaftError('ERR_RAFT_COMPACTED', `no block starts at ${from}`)
    return this.disk.slice(offset, offset + 2)
  }
}

function commands(first: number, ...texts: readonly string[]): EncodedBlock {
  return encodeCommands(
    first,
    1,
    texts.map((text) => Buffer.from(text)),
  )
}

function info(id: string, index: number): SnapshotInfo {
  return { id, index, term: 1, size: 10, membership: { members: [], voters: [], outgoing: [], learners: [] } }
}
