import assert from 'node:assert/strict'
import { isRaftError } from '../../src/errors.ts'
import type { LockAnswer, LockCommand, LockQuery, LockResult } from '../../src/recipes/index.ts'
import { LockMachine, lockClient, lockCodecs } from '../../src/recipes/index.ts'
import { RecipeCluster } from './recipe-cluster.ts'

const TTL_MS = 3000

describe('the lock client', () => {
  it('gives the lock to one caller at a time, in order, with growing tokens', async () => {
    const { cluster, locks } = start()
    const order: string[] = []
    let holders = 0
    const work = ['ann', 'bob', 'cid'].map(async (name, at) => {
      await cluster.clock.pass(at * 20_000)
      const held = await locks().acquire('a')
      assert.equal(++holders, 1)
      order.push(`${name} ${held.token}`)
      await cluster.clock.pass(500_000)
      holders--
      await held.release()
    })
    await cluster.run(Promise.all(work))
    assert.deepEqual(order, ['ann 1', 'bob 2', 'cid 3'])
  })

  it('keeps the lock for as long as the caller likes, by renewing it', async () => {
    const { cluster, locks } = start()
    const held = await cluster.run(locks().acquire('a', { ttlMs: TTL_MS }))
    const others = locks()
    for (let seconds = 0; seconds < 60; seconds++) {
      await cluster.pass(1000)
      assert.equal(await cluster.run(others.tryAcquire('a', { ttlMs: TTL_MS })), undefined)
    }
    assert.equal(held.signal.aborted, false)
  })

  it('aborts the signal of a holder that is cut off before another one holds the lock', async () => {
    const { cluster, connection, locks } = start()
    const held = await cluster.run(locks().acquire('a', { ttlMs: TTL_MS }))
    let abortedMs = 0
    held.signal.addEventListener('abort', () => {
      abortedMs = cluster.clock.now()
    })
    connection.set('cut')
    await cluster.run(lockClient(cluster.connection(), { clock: cluster.clock }).acquire('a', { ttlMs: TTL_MS }))
    const takenMs = cluster.clock.now()
    assert.ok(0 < abortedMs && abortedMs < TTL_MS && TTL_MS < takenMs, `aborted at ${abortedMs}, taken at ${takenMs}`)
    assert.ok(takenMs < 2 * TTL_MS, `${takenMs}`)
    assert.ok(isRaftError(held.signal.reason, 'ERR_RAFT_LEASE_LOST'))
  })

  it('aborts the signal of a holder whose process was paused, as soon as it continues', async () => {
    const { cluster, locks } = start()
    const held = await cluster.run(locks().acquire('a', { ttlMs: TTL_MS }))
    cluster.clock.pause()
    await cluster.pass(2 * TTL_MS)
    cluster.clock.resume()
    await cluster.pass(0)
    assert.ok(held.signal.aborted)
  })

  it('survives lost results: it repeats the command as the same owner', async () => {
    const { cluster, connection, locks } = start()
    connection.set('loses results')
    const acquiring = locks().acquire('a', { ttlMs: TTL_MS })
    await cluster.pass(600)
    connection.set('up')
    const held = await cluster.run(acquiring)
    assert.equal(held.token, 1)
    connection.set('loses results')
    await cluster.pass(TTL_MS / 2)
    connection.set('up')
    await cluster.pass(TTL_MS)
    assert.equal(held.signal.aborted, false)
  })

  it('aborts the signal at once if the lock cannot be renewed', async () => {
    const { cluster, connection, locks } = start()
    const held = await cluster.run(locks().acquire('a', { ttlMs: TTL_MS }))
    connection.set('refusing')
    await cluster.pass(TTL_MS / 3 + 10)
    assert.match(String(held.signal.reason), /lock 'a' is no longer certain to be held: .*the client is closed/)
  })

  it('frees the lock when it is released or disposed of, and then aborts the signal', async () => {
    const { cluster, locks } = start()
    const client = locks()
    const held = await cluster.run(client.acquire('a'))
    await cluster.run(held[Symbol.asyncDispose]())
    assert.ok(held.signal.aborted)
    assert.equal((await cluster.run(client.tryAcquire('a')))?.token, 2)
    await cluster.run(held.release())
    assert.equal(cluster.applied.filter((type) => type === 'release').length, 1)
  })

  it('ends the wait at its timeout or signal, and leaves the line', async () => {
    const { cluster, locks } = start()
    const client = locks()
    const held = await cluster.run(client.acquire('a'))
    const stopping = new AbortController()
    const waits = [client.acquire('a', { timeoutMs: 1000 }), client.acquire('a', { signal: stopping.signal })]
    const errors = Promise.all(waits.map((wait) => wait.catch((error: unknown) => (error as { code: string }).code)))
    await cluster.pass(500)
    stopping.abort()
    assert.deepEqual(await cluster.run(errors), ['ERR_RAFT_TIMEOUT', 'ERR_RAFT_ABORTED'])
    await cluster.pass(100)
    assert.deepEqual(cluster.machine.query?.({ type: 'holders', name: 'a' }), {
      ...{ type: 'holders', holders: [{ owner: holder(cluster), token: held.token }], waiting: 0 },
    })
  })

  it('rejects options that do not exist or are invalid', async () => {
    const { cluster, locks } = start()
    assert.throws(() => lockClient(cluster.connection(), { pollMs: Number.NaN }), { code: 'ERR_RAFT_OPTIONS' })
    for (const options of [{ ttlMs: 0 }, { permits: 1.5 }, { timeoutMs: Number.NaN }, { ttl: 5 }])
      await assert.rejects(cluster.run(locks().acquire('a', options)), { code: 'ERR_RAFT_OPTIONS' })
    await assert.rejects(cluster.run(locks().acquire('')), { code: 'ERR_RAFT_OPTIONS' })
  })

  it('shares a semaphore between as many callers as it has permits, which all must name', async () => {
    const { cluster, locks } = start()
    const client = locks()
    const tryAcquire = (permits: number) => cluster.run(client.tryAcquire('a', { permits }))
    const held = [await tryAcquire(2), await tryAcquire(2), await tryAcquire(2)]
    assert.deepEqual(
      held.map((each) => each?.token),
      [1, 2, undefined],
    )
    await assert.rejects(tryAcquire(3), {
      ...{ code: 'ERR_RAFT_OPTIONS', message: "lock 'a' is in use with permits 2, not 3" },
    })
  })
})

type LockCluster = RecipeCluster<LockCommand, LockResult, LockQuery, LockAnswer>

function start() {
  const cluster: LockCluster = new RecipeCluster(new LockMachine(), lockCodecs)
  const connection = cluster.connection()
  return { cluster, connection, locks: () => lockClient(connection, { clock: cluster.clock }) }
}

function holder({ machine }: LockCluster): string | undefined {
  const answer = machine.query?.({ type: 'holders', name: 'a' })
  return answer?.type === 'holders' ? answer.holders[0]?.owner : undefined
}
