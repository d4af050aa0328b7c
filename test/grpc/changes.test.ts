import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { Change, ChangeBatch, ChangesOptions } from '../../src/contracts/node-service.ts'
import type { RaftError } from '../../src/errors.ts'
import { RaftError as NodeError } from '../../src/errors.ts'
import type { ServiceLimits } from '../../src/grpc/shared/service-limits.ts'
import { channelTo, disposeAll, EchoNode, serve } from './echo-node.ts'

const change = (index: number, size = 1): Change => ({
  index,
  term: 2,
  command: Buffer.alloc(size, index),
  result: undefined,
})
const batchOf = (...changes: readonly Change[]): ChangeBatch => ({
  changes,
  nextIndex: (changes.at(-1)?.index ?? 0) + 1,
  clusterId: 'test',
})

describe('a stream of changes', () => {
  afterEach(disposeAll)

  async function start(
    changes: (options: ChangesOptions) => AsyncGenerator<ChangeBatch>,
    limits: Partial<ServiceLimits> = {},
  ) {
    const node = new EchoNode()
    node.changes = changes
    const server = await serve(node, limits)
    return { server, channel: channelTo(server.address) }
  }

  const failureOf = (batches: AsyncIterator<ChangeBatch>): Promise<RaftError> =>
    batches.next().then(
      () => assert.fail('it did not fail'),
      (error: RaftError) => error,
    )

  it('carries every field of a batch, and the options', async () => {
    const batches: ChangeBatch[] = [
      { changes: [], nextIndex: 7, clusterId: 'c-1' },
      batchOf({ ...change(8), result: Buffer.from('done') }, change(9), { ...change(10), result: Buffer.alloc(0) }),
    ]
    const given: ChangesOptions[] = []
    const { channel } = await start(async function* (options) {
      given.push(options)
      yield* batches
    })
    const received: ChangeBatch[] = []
    for await (const batch of channel.changes({ from: 7, clusterId: 'c-1' })) received.push(batch)
    assert.deepEqual(received, batches)
    for await (const _ of channel.changes({}));
    assert.deepEqual(
      given.map(({ from, clusterId }) => [from, clusterId]),
      [
        [7, 'c-1'],
        [undefined, undefined],
      ],
    )
  })

  it('reports the error of the node, with its details', async () => {
    const { channel } = await start(async function* () {
      yield batchOf(change(1))
      throw new NodeError('ERR_RAFT_COMPACTED', 'gone', { details: { wantedIndex: 2, firstIndex: 9 } })
    })
    const batches = channel.changes({})
    await batches.next()
    const { code, outcome, details } = await failureOf(batches)
    assert.deepEqual([code, outcome, details], ['ERR_RAFT_COMPACTED', 'not-applied', { wantedIndex: 2, firstIndex: 9 }])
  })

  it('takes no more from the node than the client reads', async () => {
    let taken = 0
    const { channel } = await start(async function* () {
      while (taken < 2000) yield batchOf(change(++taken, 64 * 1024))
    })
    const indexes: number[] = []
    for await (const { changes } of channel.changes({})) {
      indexes.push(...changes.map(({ index }) => index))
      if (indexes.length > 1) continue
      for (let before = -1; before !== taken; ) {
        before = taken
        for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
      }
      assert.ok(taken < 500, `${taken} batches of 64 KiB are buffered`)
    }
    assert.deepEqual(
      indexes,
      Array.from({ length: 2000 }, (_, offset) => offset + 1),
    )
  })

  for (const how of ['return', 'abort'] as const)
    it(`ends at the node with ${how}, also while it waits`, async () => {
      const node = new EventEmitter()
      const ended = once(node, 'ended')
      const { channel } = await start(async function* ({ signal }) {
        yield batchOf(change(1))
        await once(signal as AbortSignal, 'abort')
        node.emit('ended')
      })
      const controller = new AbortController()
      const batches = channel.changes({ signal: controller.signal })
      await batches.next()
      const waiting = batches.next()
      if (how === 'abort') controller.abort()
      else await batches.return?.()
      assert.deepEqual(await waiting, { done: true, value: undefined })
      await ended
    })

  it('rejects when the node shuts down, cannot be reached, or the client is closed', async () => {
    const { server, channel } = await start(async function* ({ signal }) {
      yield batchOf(change(1))
      await once(signal as AbortSignal, 'abort')
    })
    const batches = channel.changes({})
    await batches.next()
    const failure = failureOf(batches)
    await server.close()
    assert.equal((await failure).code, 'ERR_RAFT_CLOSED')
    assert.equal((await failureOf(channel.changes({}))).code, 'ERR_RAFT_UNREACHABLE')
    await channel.close()
    assert.equal((await failureOf(channel.changes({}))).code, 'ERR_RAFT_CLOSED')
  })

  it('rejects a change that is too large to send', async () => {
    const { channel } = await start(
      async function* () {
        yield batchOf(change(5, 101))
      },
      { answerBytesMax: 100 },
    )
    const { code, details } = await failureOf(channel.changes({}))
    assert.deepEqual([code, details], ['ERR_RAFT_TOO_LARGE', { index: 5, size: 101, limit: 100 }])
  })
})
