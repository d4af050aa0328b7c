/** How a snapshot's bytes are fetched, and how that ends early. */
import assert from 'node:assert/strict'
import { isRaftError, RaftError } from '../../../errors.ts'
import type { TransportTest } from './test-network.ts'
import { assertRejects, collect, longSnapshot, MIB, pause, splitIntoChunks } from './test-network.ts'

export function snapshots(on: TransportTest): void {
  on('fetches a snapshot from the offset that is asked for', async (net) => {
    const [a, b] = await net.connectedPair()
    const file = new Uint8Array(3 * MIB + 17).map((_, offset) => (offset ^ (offset >> 9)) & 255)
    b.host.snapshot = (_, offset) => splitIntoChunks(file.subarray(offset), 700_001)
    for (const offset of [0, MIB + 1, file.length]) {
      const got = await collect(a.transport.fetchSnapshot('b', 's1', offset, new AbortController().signal))
      assert.ok(got.equals(file.subarray(offset)), `from ${offset}: ${got.length} bytes`)
    }
  })

  on('reads no further ahead than a window while the taker is slow', async (net) => {
    const [a, b] = await net.connectedPair()
    let read = 0
    b.host.snapshot = async function* () {
      for (; read < 64 * MIB; read += MIB / 4) yield new Uint8Array(MIB / 4)
    }
    const chunks = a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)[Symbol.asyncIterator]()
    await chunks.next()
    await pause(300)
    assert.ok(read < 24 * MIB, `${read / MIB} MiB were read ahead`)
    await chunks.return?.()
  })

  on('says that a snapshot is gone', async (net) => {
    const [a, b] = await net.connectedPair()
    b.host.snapshot = async function* () {
      yield* []
      throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', 'no such snapshot')
    }
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 'old', 0, new AbortController().signal)),
      'ERR_RAFT_SNAPSHOT_GONE',
    )
  })

  on('ends a fetch that is aborted with the reason, and the reading too', async (net) => {
    const [a, b] = await net.connectedPair()
    let isRead = true
    b.host.snapshot = () =>
      longSnapshot(() => {
        isRead = false
      })
    const controller = new AbortController()
    const reason = new Error('enough')
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, controller.signal), () => controller.abort(reason))
    await assert.rejects(fetching, reason)
    await net.eventually('the end of the reading', () => !isRead)
    await assert.rejects(collect(a.transport.fetchSnapshot('b', 's1', 0, controller.signal)), reason)
  })

  on('ends a fetch with a RaftError when the link breaks', async (net) => {
    const [a, b] = await net.connectedPair()
    b.host.snapshot = () => longSnapshot()
    let isCut = false
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal), () => {
      if (!isCut) void net.fixture.cut('a', 'b')
      isCut = true
    })
    await assertRejects(fetching, 'ERR_RAFT_UNREACHABLE')
  })

  on('ends a fetch with a RaftError when the source fails', async (net) => {
    const [a, b] = await net.connectedPair()
    b.host.snapshot = async function* () {
      yield new Uint8Array(10)
      throw new Error('the disk is broken')
    }
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_UNREACHABLE',
    )
  })

  on('hands out what came before its source failed, so that another fetch goes on from there', async (net) => {
    const [a, b] = await net.connectedPair()
    const file = new Uint8Array(MIB).map((_, offset) => (offset ^ (offset >> 8)) & 255)
    b.host.snapshot = async function* (_, offset) {
      yield* splitIntoChunks(file.subarray(offset, offset + MIB / 2), 100_000)
      if (offset + MIB / 2 < file.length) throw new Error('the disk is broken')
    }
    const got: Uint8Array[] = []
    const fetched = (): Buffer => Buffer.concat(got)
    for (let attempt = 0; attempt < 20 && fetched().length < file.length; attempt++)
      try {
        const signal = new AbortController().signal
        for await (const chunk of a.transport.fetchSnapshot('b', 's1', fetched().length, signal)) got.push(chunk)
      } catch (error) {
        assert.ok(isRaftError(error, 'ERR_RAFT_UNREACHABLE'), String(error))
      }
    assert.ok(
      fetched().equals(file),
      `after up to 20 attempts, ${fetched().length} bytes came, or not those of the source`,
    )
  })

  on('hands no snapshot to who is not admitted', async (net) => {
    const [a, b] = await net.connectedPair()
    b.host.snapshot = () => splitIntoChunks(new Uint8Array(10), 10)
    b.host.rejectPeer = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is not a member any more' })
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_REMOVED',
    )
  })

  on('cannot fetch from whom it cannot reach', async (net) => {
    const a = await net.startNode('a')
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_UNREACHABLE',
    )
  })
}
