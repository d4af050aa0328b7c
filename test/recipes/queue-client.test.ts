import assert from 'node:assert/strict'
import { isRaftError } from '../../src/errors.ts'
import type { QueueAnswer, QueueCommand, QueueQuery, QueueResult } from '../../src/recipes/index.ts'
import { QueueMachine, queueClient, queueCodecs } from '../../src/recipes/index.ts'
import { RecipeCluster } from './recipe-cluster.ts'

const LEASE_MS = 3000

describe('the queue client', () => {
  it('gives every job to one worker, which waits for it', async () => {
    const { cluster, queue } = start()
    const done: string[] = []
    const work = [1, 2, 3].map(async (worker) => {
      for (let count = 0; count < 4; count++) {
        const job = await queue.take()
        await cluster.clock.pass(worker * 100_000)
        done.push(job.payload)
        await job.ack()
      }
    })
    const names = Array.from({ length: 12 }, (_, at) => `job ${at}`)
    const pushes = names.map((name) => queue.push(name))
    await cluster.run(Promise.all([...work, ...pushes]))
    assert.deepEqual(done.sort(), names.sort())
  })

  it('keeps a job for as long as the work takes, by renewing it', async () => {
    const { cluster, queue } = start()
    await cluster.run(queue.push('slow'))
    const job = await cluster.run(queue.take({ leaseMs: LEASE_MS }))
    for (let seconds = 0; seconds < 20; seconds++) {
      await cluster.pass(1000)
      assert.equal(await cluster.run(queue.tryTake()), undefined)
    }
    await cluster.run(job.ack())
    assert.deepEqual(cluster.machine.query?.({ type: 'counts' }), { type: 'counts', ready: 0, leased: 0, dead: 0 })
  })

  it('aborts the signal of a worker that is cut off before another one gets the job, and rejects its ack', async () => {
    const { cluster, connection, queue } = start()
    await cluster.run(queue.push('work'))
    const job = await cluster.run(queue.take({ leaseMs: LEASE_MS }))
    let abortedMs = 0
    job.signal.addEventListener('abort', () => {
      abortedMs = cluster.clock.now()
    })
    connection.set('cut')
    const again = await cluster.run(queueClient(cluster.connection(), { clock: cluster.clock }).take())
    const takenMs = cluster.clock.now()
    assert.ok(0 < abortedMs && abortedMs < LEASE_MS && LEASE_MS < takenMs, `aborted ${abortedMs}, taken ${takenMs}`)
    assert.ok(isRaftError(job.signal.reason, 'ERR_RAFT_LEASE_LOST'))
    assert.deepEqual([again.id, again.attempt, again.token > job.token], [job.id, 2, true])
    connection.set('up')
    await assert.rejects(cluster.run(job.ack()), { code: 'ERR_RAFT_LEASE_LOST' })
  })

  it('gives up a job that is neither done nor tried again when it is disposed of', async () => {
    const { cluster, queue } = start()
    await cluster.run(queue.push('work'))
    const job = await cluster.run(queue.take())
    await cluster.run(job[Symbol.asyncDispose]())
    const again = await cluster.run(queue.take())
    await cluster.run(again.ack())
    await cluster.run(again[Symbol.asyncDispose]())
    assert.deepEqual(cluster.applied, ['push', 'take', 'retry', 'take', 'ack'])
  })

  it('rejects options that do not exist or are invalid, and payloads that are no JSON', async () => {
    const { cluster, queue } = start()
    for (const options of [{ leaseMs: 0 }, { timeoutMs: -1 }, { lease: 5 }])
      await assert.rejects(cluster.run(queue.tryTake(options)), { code: 'ERR_RAFT_OPTIONS' })
    await assert.rejects(cluster.run(queue.push(undefined as unknown as string)), { code: 'ERR_RAFT_OPTIONS' })
    await assert.rejects(cluster.run(queue.push('a', { attempts: 0 })), { code: 'ERR_RAFT_OPTIONS' })
  })

  it('pushes a job with the same id once, and revives or removes a dead one', async () => {
    const { cluster, queue } = start()
    const push = () => cluster.run(queue.push('work', { id: 'a', attempts: 1 }))
    assert.deepEqual(
      [await push(), await push()],
      [
        { id: 'a', isNew: true },
        { id: 'a', isNew: false },
      ],
    )
    const fail = async () => cluster.run((await cluster.run(queue.take())).retry())
    await fail()
    assert.deepEqual([await cluster.run(queue.requeue('a')), await cluster.run(queue.requeue('a'))], [true, false])
    await fail()
    assert.deepEqual([await cluster.run(queue.discard('a')), await cluster.run(queue.discard('a'))], [true, false])
  })
})

function start() {
  const cluster = new RecipeCluster<QueueCommand, QueueResult, QueueQuery, QueueAnswer>(new QueueMachine(), queueCodecs)
  const connection = cluster.connection()
  return { cluster, connection, queue: queueClient<string>(connection, { clock: cluster.clock }) }
}
