/** Checks of snapshot fetches, and of how they end early. */
import assert from 'node:assert/strict'
import { isRaftError, RaftError } from '../../../errors.ts'
import type { TransportTest } from './test-network.ts'
import { assertRejects, collect, longSnapshot, MIB, pause, splitIntoChunks } from './test-network.ts'

export function snapshots(on: TransportTest): void {
  on('starts at the requested offset', async (network) => {
    const [a, b] = await network.connectedPair()
    const file = new Uint8Array(3 * MIB + 17).map((_, offset) => (offset ^ (offset >> 9)) & 255)
    b.host.snapshot = (_, offset) => splitIntoChunks(file.subarray(offset), 700_001)
    for (const offset of [0, MIB + 1, file.length]) {
      const got = await collect(a.transport.fetchSnapshot('b', 's1', offset, new AbortController().signal))
      assert.ok(got.equals(file.subarray(offset)), `from ${offset}: ${got.length} bytes`)
    }
  })

  on('reads at most a window ahead of a slow consumer', async (network) => {
    const [a, b] = await network.connectedPair()
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

  on('rejects with ERR_RAFT_SNAPSHOT_GONE if the peer does not have the snapshot', async (network) => {
    const [a, b] = await network.connectedPair()
    b.host.snapshot = async function* () {
      yield* []
      throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', 'no such snapshot')
    }
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 'old', 0, new AbortController().signal)),
      'ERR_RAFT_SNAPSHOT_GONE',
    )
  })

  on('rejects with the reason of an abort, and ends the read', async (network) => {
    const [a, b] = await network.connectedPair()
    let isReading = true
    b.host.snapshot = () =>
      longSnapshot(() => {
        isReading = false
      })
    const controller = new AbortController()
    const reason = new Error('cancelled')
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, controller.signal), () => controller.abort(reason))
    await assert.rejects(fetching, reason)
    await network.eventually('the end of the read', () => !isReading)
    await assert.rejects(collect(a.transport.fetchSnapshot('b', 's1', 0, controller.signal)), reason)
  })

  on('rejects with ERR_RAFT_UNREACHABLE if the link is lost', async (network) => {
    const [a, b] = await network.connectedPair()
    b.host.snapshot = () => longSnapshot()
    let isCut = false
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal), () => {
      if (!isCut) void network.fixture.cut('a', 'b')
      isCut = true
    })
    await assertRejects(fetching, 'ERR_RAFT_UNREACHABLE')
  })

  on('rejects with ERR_RAFT_UNREACHABLE if the source fails', async (network) => {
    const [a, b] = await network.connectedPair()
    b.host.snapshot = async function* () {
      yield new Uint8Array(10)
      throw new Error('disk failure')
    }
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_UNREACHABLE',
    )
  })

  on('yields all chunks before its source failed, so that another fetch can resume', async (network) => {
    const [a, b] = await network.connectedPair()
    const file = new Uint8Array(MIB).map((_, offset) => (offset ^ (offset >> 8)) & 255)
    b.host.snapshot = async function* (_, offset) {
      yield* splitIntoChunks(file.subarray(offset, offset + MIB / 2), 100_000)
      if (offset + MIB / 2 < file.length) throw new Error('disk failure')
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
      `after up to 20 attempts, the ${fetched().length} bytes received are not those of the source`,
    )
  })

  on('rejects with the code of the refusal if the node is not admitted', async (network) => {
    const [a, b] = await network.connectedPair()
    b.host.snapshot = () => splitIntoChunks(new Uint8Array(10), 10)
    b.host.rejectPeer = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is no longer a member' })
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_REMOVED',
    )
  })

  on('rejects with ERR_RAFT_UNREACHABLE if the peer is unreachable', async (network) => {
    const a = await network.startNode('a')
    await assertRejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_UNREACHABLE',
    )
  })
}
