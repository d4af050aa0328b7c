import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import type { Clock } from '../../../src/contracts/clock.ts'
import type { EncodedBlock } from '../../../src/contracts/encoded-block.ts'
import { chainAfter } from '../../../src/core/log/chain.ts'
import type { LinkedBlock, SnapshotInfo, StateDigest } from '../../../src/core/types.ts'
import { RaftError } from '../../../src/errors.ts'
import { encodeCommands, encodeNoop } from '../../../src/log-format/block.ts'
import { MemoryStorage } from '../../../src/memory/memory-storage.ts'
import { Proposals } from '../../../src/runtime/calls/proposals.ts'
import { Meters } from '../../../src/runtime/meters.ts'
import { Applier } from '../../../src/runtime/pipeline/applier.ts'
import { BlockCache } from '../../../src/runtime/pipeline/block-cache.ts'
import { DigestPoints } from '../../../src/runtime/pipeline/digest-points.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the applier', () => {
  it('applies cached blocks synchronously and in order, and reports the applied index', () => {
    const fixture = new Fixture()
    fixture.cached(encodeNoop(1, 1), commands(2, 'a', 'b'), commands(4, 'c'))
    fixture.applier.apply({ from: 1, to: 4 })
    fixture.applier.apply({ from: 4, to: 5 })
    assert.deepEqual(fixture.log, ['a@2', 'b@3', 'applied 3', 'c@4', 'applied 4'])
  })

  it('reads blocks from disk that are not cached', async () => {
    const fixture = new Fixture()
    fixture.disk = [commands(1, 'a'), commands(2, 'b'), commands(3, 'c')]
    fixture.applier.apply({ from: 1, to: 3 })
    fixture.applier.apply({ from: 3, to: 4 })
    await flushPromises()
    assert.deepEqual(fixture.log, ['a@1', 'b@2', 'applied 2', 'c@3', 'applied 3'])
  })

  it('takes nothing from a read that was not committed when the read began: it may have been replaced meanwhile', async () => {
    const fixture = new Fixture()
    const replacement = commands(2, 'new')
    fixture.disk = [commands(1, 'a'), commands(2, 'old')]
    fixture.applier.apply({ from: 1, to: 2 })
    fixture.disk = [commands(1, 'a'), replacement]
    const chainBefore = chainAfter(0, commands(1, 'a'))
    fixture.inLog = [{ ...replacement, chainBefore, chain: chainAfter(chainBefore, replacement) }]
    fixture.applier.apply({ from: 2, to: 3 })
    await flushPromises()
    assert.deepEqual(fixture.failures, [])
    assert.deepEqual(fixture.log, ['a@1', 'applied 1', 'new@2', 'applied 2'])
  })

  it('yields to the event loop within a block, and reports only the ends of blocks', async () => {
    const fixture = new Fixture()
    fixture.msPerCommand = 5
    fixture.cached(commands(1, 'a'), commands(2, 'b', 'c', 'd', 'e'))
    fixture.applier.apply({ from: 1, to: 6 })
    assert.deepEqual(fixture.log, ['a@1', 'b@2', 'applied 1'])
    fixture.turn()
    await flushPromises()
    assert.deepEqual(fixture.log, ['a@1', 'b@2', 'applied 1', 'c@3', 'd@4'])
  })

  it('resumes in the next turn at the next command', async () => {
    const fixture = new Fixture()
    fixture.msPerCommand = 5
    fixture.cached(commands(1, 'a', 'b', 'c', 'd', 'e'))
    fixture.applier.apply({ from: 1, to: 6 })
    while (fixture.turn()) await flushPromises()
    assert.deepEqual(fixture.log, ['a@1', 'b@2', 'c@3', 'd@4', 'e@5', 'applied 5'])
  })

  it('calls back at a boundary only between two blocks', async () => {
    const fixture = new Fixture()
    fixture.msPerCommand = 5
    fixture.cached(commands(1, 'a', 'b', 'c', 'd'), commands(5, 'e'))
    fixture.applier.apply({ from: 1, to: 6 })
    fixture.applier.atBoundary(() => fixture.log.push(`state at ${fixture.applier.appliedIndex}`))
    while (fixture.turn()) await flushPromises()
    assert.deepEqual(fixture.log, ['a@1', 'b@2', 'c@3', 'd@4', 'state at 4', 'e@5', 'applied 5'])
  })

  it('asks for a digest at the end of the first block that reaches each multiple of the distance', () => {
    const fixture = new Fixture()
    fixture.cached(commands(1, 'a', 'b', 'c'), commands(4, 'd', 'e'), commands(6, 'f'), commands(7, 'g', 'h', 'i'))
    fixture.applier.apply({ from: 1, to: 10 })
    const [{ kind, value }] = fixture.digests as [StateDigest]
    assert.deepEqual(fixture.digests, [
      { index: 5, kind, value },
      { index: 9, kind, value },
    ])
    fixture.digest = () => 'kind:other'
    fixture.cached(commands(10, 'j', 'k', 'l'))
    fixture.applier.apply({ from: 10, to: 13 })
    fixture.digest = () => 'value'
    fixture.cached(commands(13, 'm', 'n', 'o', 'p'))
    fixture.applier.apply({ from: 13, to: 17 })
    const [, , other, unnamed] = fixture.digests
    assert.ok(other?.kind === kind && other.value !== value)
    assert.ok(unnamed?.kind !== kind && unnamed?.value === value)
  })

  for (const [what, digest, expected] of [
    ['throws', () => assert.fail('no digest'), /^digest\(\) of the state machine threw after index 4: .*no digest/],
    ['returns no text', () => 7, /^digest\(\) of the state machine returned number/],
    ['is asynchronous', async () => 'v1', /^digest\(\) of the state machine returned a promise/],
  ] as const)
    it(`fails if digest() ${what}, and names it`, () => {
      const fixture = new Fixture()
      fixture.digest = digest as () => string
      fixture.cached(commands(1, 'a', 'b', 'c', 'd'))
      fixture.applier.apply({ from: 1, to: 5 })
      const [error, ...others] = fixture.failures as RaftError[]
      assert.equal(error?.code, 'ERR_RAFT_APPLY')
      assert.match(error?.message ?? '', expected)
      assert.ok(!error?.hint?.includes('apply()'), error?.hint)
      assert.deepEqual(others, [])
    })

  it('restores a snapshot before it applies later entries, and drops the entries that it replaces', async () => {
    const fixture = new Fixture()
    await fixture.snapshot('s7', 7, 'state of 7')
    fixture.disk = [commands(8, 'h')]
    fixture.applier.apply({ from: 1, to: 4 })
    fixture.applier.install(info('s7', 7))
    fixture.applier.apply({ from: 8, to: 9 })
    assert.equal(fixture.applier.isReadable, false)
    await flushPromises()
    await flushPromises()
    assert.deepEqual(fixture.log, ['state of 7', 'restored 7', 'applied 7', 'h@8', 'applied 8'])
    assert.equal(fixture.applier.isReadable, true)
    assert.deepEqual(fixture.failures, [])
  })

  it('rejects as unknown the proposals of a block that a snapshot interrupts', async () => {
    const fixture = new Fixture()
    fixture.msPerCommand = 10
    await fixture.snapshot('s7', 7, 'state of 7')
    const end = fixture.propose(2, 'a', 'b')
    fixture.cached(commands(2, 'a', 'b'))
    fixture.applier.apply({ from: 2, to: 4 })
    fixture.applier.install(info('s7', 7))
    assert.deepEqual(await end, ['a', 'ERR_RAFT_OUTCOME_UNKNOWN'])
  })

  it('passes plain Uint8Arrays to the state machine, so that slice copies', async () => {
    const fixture = new Fixture()
    fixture.cached(commands(1, 'a'))
    fixture.applier.apply({ from: 1, to: 2 })
    await fixture.snapshot('s7', 7, 'state of 7')
    fixture.applier.install(info('s7', 7))
    await flushPromises()
    assert.deepEqual(fixture.areBuffers, [false, false])
  })

  it('stops at a command that throws, reports its index, and applies nothing after it', async () => {
    const fixture = new Fixture()
    fixture.cached(commands(1, 'a', 'boom', 'c'), commands(4, 'd'))
    const end = fixture.propose(1, 'a', 'boom', 'c')
    fixture.applier.apply({ from: 1, to: 5 })
    fixture.applier.apply({ from: 5, to: 6 })
    assert.deepEqual(fixture.log, ['a@1'])
    const [failure] = fixture.failures as RaftError[]
    assert.equal(failure?.code, 'ERR_RAFT_APPLY')
    assert.deepEqual(failure?.details, { index: 2, term: 1 })
    assert.deepEqual(await end, ['a', 'ERR_RAFT_OUTCOME_UNKNOWN', 'ERR_RAFT_OUTCOME_UNKNOWN'])
  })

  it('stops at a block that was exchanged on disk, and applies nothing of it', async () => {
    const fixture = new Fixture()
    const log = [commands(1, 'a'), commands(2, 'b')]
    let chain = 0
    fixture.inLog = log.map((block) => {
      const chainBefore = chain
      chain = chainAfter(chain, block)
      return { ...block, chainBefore, chain }
    })
    fixture.disk = [commands(1, 'a'), commands(2, 'B')]
    fixture.cached(commands(1, 'a'))
    fixture.applier.apply({ from: 1, to: 3 })
    await flushPromises()
    assert.deepEqual(fixture.log, ['a@1', 'applied 1'])
    const [failure] = fixture.failures as RaftError[]
    assert.equal(failure?.code, 'ERR_RAFT_CORRUPT')
    assert.equal(failure?.details.firstBadIndex, 2)
  })

  it('fails before it reports a restore of bytes that are not those of the snapshot', async () => {
    const fixture = new Fixture()
    await fixture.snapshot('s7', 7, 'state of 7')
    fixture.applier.install({ ...info('s7', 7), checksum: crc32('state of 8') })
    await flushPromises()
    await flushPromises()
    const [failure] = fixture.failures as RaftError[]
    assert.equal(failure?.code, 'ERR_RAFT_CORRUPT')
    assert.match(failure.message, /stored snapshot s7 .* has the checksum .* instead of/)
    assert.ok(!fixture.log.includes('restored 7'))
  })

  it('distinguishes an error of restore() from an error of the disk', async () => {
    const damaged = new Fixture()
    damaged.applier.install(info('missing', 7))
    await flushPromises()
    assert.equal((damaged.failures[0] as RaftError).code, 'ERR_RAFT_SNAPSHOT_GONE')
    const failing = new Fixture()
    await failing.snapshot('s7', 7, 'boom')
    failing.applier.install(info('s7', 7))
    await flushPromises()
    assert.equal((failing.failures[0] as RaftError).code, 'ERR_RAFT_APPLY')
  })
})

class Fixture {
  readonly log: string[] = []
  readonly failures: unknown[] = []
  /** For each command and chunk that the state machine received: whether it was a Buffer. */
  readonly areBuffers: boolean[] = []
  readonly cache = new BlockCache(1_000_000)
  readonly proposals = new Proposals<string>(
    { blockEntriesMax: 100, blockBytesMax: 1000, pendingProposalsMax: 100, pendingProposalBytesMax: 1000 },
    {
      clock: { now: () => 0, wakeAt: () => ({ cancel: () => undefined }), defer: () => undefined },
      meters: new Meters(),
      onApplied: () => undefined,
      wake: () => undefined,
    },
  )
  readonly storage = new MemoryStorage()
  readonly #opened = this.storage.open({ clusterId: 'c', nodeId: 'n1' })
  readonly #deferred: (() => void)[] = []
  readonly applier: Applier<Uint8Array, string>
  disk: EncodedBlock[] = []
  inLog: LinkedBlock[] = []
  msPerCommand = 0
  readonly digests: StateDigest[] = []
  digest: () => string = () => 'kind:value'
  #now = 0

  constructor() {
    const clock: Clock = {
      now: () => this.#now,
      wakeAt: () => ({ cancel: () => undefined }),
      defer: (callback) => this.#deferred.push(callback),
    }
    this.applier = new Applier<Uint8Array, string>({
      machine: {
        apply: (command, { index }) => this.#record(command) ?? this.#apply(Buffer.from(command).toString(), index),
        applyEnvelope: (bytes, context) => ({
          ...context,
          result: this.#apply(Buffer.from(bytes).toString(), context.index),
        }),
        restore: (chunks) => this.#restore(chunks),
        machineVersion: 1,
      },
      storage: { snapshots: this.storage.snapshots, read: (from) => this.#read(from) },
      cache: this.cache,
      meters: new Meters(),
      digestPoints: new DigestPoints({
        machine: { digest: () => this.digest() },
        digestEntries: 4,
        onDigested: (digest) => this.digests.push(digest),
      }),
      blockAt: (index) => this.inLog.find(({ first }) => first === index),
      clock,
      proposals: this.proposals,
      readBytesMax: 1000,
      applyTurnMs: 8,
      onBlock: () => undefined,
      onApplied: (index) => this.log.push(`applied ${index}`),
      onRestored: ({ index }) => this.log.push(`restored ${index}`),
      onFailed: (error) => this.failures.push(error),
    })
  }

  cached(...blocks: readonly EncodedBlock[]): void {
    for (const block of blocks) this.cache.put(block)
  }

  /** Runs one turn of the event loop; returns whether there was one. */
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

  /** Proposals accepted at `first` in term 1. Resolves with the result or error code of each. */
  propose(first: number, ...texts: readonly string[]): Promise<string[]> {
    const ends = texts.map((text) =>
      new Promise<string>((resolve, reject) => {
        this.proposals.add({
          command: Buffer.from(text),
          isEnveloped: false,
          expectTerm: undefined,
          startedAt: 0,
          retryWithoutLeader: false,
          forward: true,
          deadline: 1e9,
          signal: undefined,
          resolve,
          reject,
        })
      }).catch((error: RaftError) => error.code),
    )
    this.proposals.collectInputs(() => undefined)
    this.proposals.accepted(1, first, 1)
    return Promise.all(ends)
  }

  #record(bytes: Uint8Array): undefined {
    this.areBuffers.push(Buffer.isBuffer(bytes))
  }

  #apply(text: string, index: number): string {
    if (text === 'boom') throw new Error('boom')
    this.#now += this.msPerCommand
    this.log.push(`${text}@${index}`)
    return text
  }

  async #restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      this.#record(chunk)
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
  return { id, index, term: 1, chain: 9, size: 10, membership: { members: [], voters: [], outgoing: [], learners: [] } }
}
