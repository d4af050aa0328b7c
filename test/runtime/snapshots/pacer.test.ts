import assert from 'node:assert/strict'
import { RUNTIME_DEFAULTS } from '../../../src/runtime/options.ts'
import { AdaptivePace } from '../../../src/runtime/snapshots/adaptive-pace.ts'
import { Pacer } from '../../../src/runtime/snapshots/pacer.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { flushPromises, VirtualCluster } from '../virtual-cluster.ts'

async function* chunksOf(count: number, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let number = 0; number < count; number++) yield new Uint8Array(bytes)
}

describe('the pace of snapshots', () => {
  const time = new VirtualTime()
  const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })

  /** Returns how many bytes have arrived, now and later. */
  function receive(pacer: Pacer, count: number, bytes: number): { received: number; isDone: boolean } {
    const state = { received: 0, isDone: false }
    void (async () => {
      for await (const chunk of pacer.pace(chunksOf(count, bytes))) state.received += chunk.length
      state.isDone = true
    })()
    return state
  }

  async function advance(ms: number): Promise<void> {
    const endUs = time.nowUs + ms * 1000
    do await flushPromises()
    while (time.step(endUs))
    await flushPromises()
  }

  it('is shared by all transfers', async () => {
    const pacer = new Pacer(1000, new AdaptivePace(RUNTIME_DEFAULTS), clock)
    const transfers = [receive(pacer, 100, 100), receive(pacer, 100, 100)]
    await advance(5000)
    const total = transfers.reduce((sum, { received }) => sum + received, 0)
    assert.ok(total >= 4800 && total <= 5300, `${total} bytes in 5 s`)
    for (const { received } of transfers) assert.ok(received > 1000, 'none waits for the other to end')
    pacer.stop()
    await advance(0)
    assert.ok(transfers.every(({ isDone }) => isDone))
  })

  it('is that of the connection by default, without a timer', async () => {
    const transfer = receive(new Pacer(0, new AdaptivePace(RUNTIME_DEFAULTS), clock), 1000, 1000)
    await advance(0)
    assert.deepEqual(transfer, { received: 1_000_000, isDone: true })
  })

  it('is kept although the bytes are taken late, and without a burst after a long wait', async () => {
    const pacer = new Pacer(1_000_000, new AdaptivePace(RUNTIME_DEFAULTS), clock)
    const parts = pacer.pace(chunksOf(1000, 10_000))
    /** Takes bytes for so long, each 15 ms later than they are there every other time. */
    const take = async (ms: number): Promise<number> => {
      let received = 0
      for (const end = time.nowUs + ms * 1000; time.nowUs < end; ) {
        let isThere = false
        const next = parts.next().then(({ value }) => {
          isThere = true
          return value?.length ?? 0
        })
        for (; !isThere; await advance(1));
        received += await next
        await advance(received % 20_000 === 0 ? 0 : 15)
      }
      return received
    }
    const kept = await take(2000)
    assert.ok(kept > 1_900_000 && kept < 2_100_000, `${kept} bytes in 2 s`)
    await advance(5000)
    const after = await take(1000)
    assert.ok(after < 1_100_000, `${after} bytes in 1 s`)
    pacer.stop()
    await parts.return()
  })

  it('limits what a node sends to another one, which catches up with it', async () => {
    const options = { snapshotSendBytesPerSecond: 1000, trailingEntries: 0, laggardBytesMax: 0, readBytesMax: 1000 }
    const cluster = new VirtualCluster('a b c', options)
    await cluster.startAll()
    const leader = await cluster.leader()
    const [follower] = cluster.followers(leader)
    const id = follower?.id ?? ''
    cluster.crash(id)
    for (let number = 0; number < 20; number++) await cluster.runUntilSettled(leader.propose('x'.repeat(1000)))
    for (const node of cluster.nodes.values()) await cluster.runUntilSettled(node.takeSnapshot())
    await cluster.start(id)
    await cluster.advance(10_000)
    assert.equal(cluster.entries(id).length, 0)
    await cluster.runUntil(() => cluster.entries(id).length === 20)
    assert.equal((await cluster.leader()).statusNow().role, 'leader')
    await cluster.close()
  })
})
