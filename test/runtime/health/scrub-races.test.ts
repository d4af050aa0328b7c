import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../src/contracts/encoded-block.ts'
import { chainAfter } from '../../../src/core/log/chain.ts'
import type { LinkedBlock, LogIndex, SnapshotInfo } from '../../../src/core/types.ts'
import { RaftError } from '../../../src/errors.ts'
import { encodeCommands } from '../../../src/log-format/block.ts'
import { Scrubber } from '../../../src/runtime/health/scrubber.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { flushPromises } from '../virtual-cluster.ts'

const INTERVAL_MS = 10

/** Each test changes the log between a read of the storage and its result. */
describe('a scrub that meets a change of what it reads', () => {
  /** As the core knows it. */
  let log: EncodedBlock[]
  let firstIndex: LogIndex
  let persistedIndex: LogIndex
  let recorded: SnapshotInfo | undefined
  let read: (from: LogIndex) => EncodedBlock[]
  let chunks: () => Iterable<Uint8Array>
  let events: string[]
  let isIdle: boolean

  beforeEach(() => {
    log = [block(1, 1), block(2, 1), block(3, 1)]
    firstIndex = 1
    persistedIndex = 3
    recorded = undefined
    events = []
    isIdle = true
    read = stored
    chunks = () => [new Uint8Array(3)]
  })

  it('ignores blocks that have replaced those of the log, however often', async () => {
    let term = 1
    read = (from) => {
      if (term < 5) log = [block(1, ++term), block(2, term), block(3, term)]
      return stored(from)
    }
    assert.deepEqual(await scrubOnce(), ['scrubbed 3'])
    assert.equal(term, 5)
  })

  it('ignores a read from before the blocks came back', async () => {
    read = (from) => {
      read = stored
      return from === 1 ? [block(1, 2)] : stored(from)
    }
    assert.deepEqual(await scrubOnce(), ['scrubbed 3'])
  })

  it('ends where the log was truncated', async () => {
    read = () => {
      persistedIndex = 1
      return [block(1, 1), block(2, 2)]
    }
    assert.deepEqual(await scrubOnce(), ['scrubbed 1'])
  })

  it('continues behind blocks that were compacted', async () => {
    read = () => {
      log = [block(3, 1)]
      firstIndex = 3
      read = stored
      throw new RaftError('ERR_RAFT_COMPACTED', 'no block starts at 1')
    }
    assert.deepEqual(await scrubOnce(), ['scrubbed 1'])
  })

  it('reads a snapshot that is replaced, and removed or damaged, no further', async () => {
    for (const code of ['ERR_RAFT_SNAPSHOT_GONE', 'ERR_RAFT_CORRUPT'] as const) {
      recorded = snapshot('old')
      events = []
      chunks = function* () {
        yield new Uint8Array(1)
        recorded = snapshot('new')
        chunks = () => [new Uint8Array(3)]
        throw new RaftError(code, 'the old snapshot')
      }
      assert.deepEqual(await scrubOnce(), ['scrubbed 3'])
    }
  })

  it('reports a damaged snapshot that is not replaced', async () => {
    recorded = snapshot('old')
    chunks = () => {
      throw new RaftError('ERR_RAFT_CORRUPT', 'the old snapshot')
    }
    assert.deepEqual(await scrubOnce(), ['scrubFailed', 'damaged: the old snapshot'])
  })

  it('waits while the node restores or is short of space', async () => {
    isIdle = false
    assert.deepEqual(await scrubOnce(), [])
  })

  async function scrubOnce(): Promise<string[]> {
    const time = new VirtualTime()
    const scrubber = new Scrubber({
      core: {
        status: () => ({ firstIndex, persistedIndex }) as never,
        blockAt: (index) => linked(index),
      },
      storage: { read: async (from) => read(from) },
      snapshots: {
        get recorded() {
          return recorded
        },
        async *readOwn() {
          yield* chunks()
        },
      },
      clock: new NodeClock(time, { startMs: 0, ratePerMille: 1000 }),
      bytesPerSecond: 1e9,
      intervalMs: INTERVAL_MS,
      isIdle: () => isIdle,
      alarms: { raise: ({ message }) => assert.fail(message), clear: () => undefined },
      emit: (event) => events.push(event.type === 'scrubbed' ? `scrubbed ${event.blocks}` : event.type),
      onDamaged: (error) => events.push(`damaged: ${error.message}`),
    })
    scrubber.start()
    for (let turn = 0; turn < 100; turn++) {
      await flushPromises()
      time.step(1000 * (2 * INTERVAL_MS - 1))
    }
    await scrubber.stop()
    return events
  }

  function stored(from: LogIndex): EncodedBlock[] {
    return log.filter(({ first }) => first >= from)
  }

  function linked(index: LogIndex): LinkedBlock | undefined {
    let chain = 0
    for (const { first, term, count, size, ...content } of log) {
      const chainBefore = chain
      chain = chainAfter(chain, { first, term, count, ...content })
      if (first === index) return { first, term, count, size, chainBefore, chain }
    }
    return undefined
  }
})

function block(first: LogIndex, term: number): EncodedBlock {
  return encodeCommands(first, term, [Buffer.from(`command ${first}`)])
}

function snapshot(id: string): SnapshotInfo {
  return {
    id,
    index: 3,
    term: 1,
    chain: 0,
    size: 3,
    membership: { members: [], voters: [], outgoing: [], learners: [] },
  }
}
