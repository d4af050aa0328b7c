import assert from 'node:assert/strict'
import type { LockAnswer, LockCommand, LockQuery, LockResult } from '../../src/recipes/index.ts'
import { LockMachine, lockClient, lockCodecs, whileElected } from '../../src/recipes/index.ts'
import { RecipeCluster } from './recipe-cluster.ts'

describe('an election', () => {
  it('lets one candidate work at a time, and the next one when it crashes or is cut off', async () => {
    const { cluster, candidate, working } = start()
    const first = candidate()
    candidate()
    await cluster.pass(1000)
    assert.deepEqual(working(), [1])
    first.connection.set('cut')
    await cluster.pass(20_000)
    assert.deepEqual(working(), [2])
  })

  it('elects a candidate again that was cut off, once its work has ended', async () => {
    const { cluster, candidate, working } = start()
    const { connection, errors } = candidate()
    await cluster.pass(1000)
    connection.set('cut')
    await cluster.pass(60_000)
    assert.deepEqual(working(), [])
    connection.set('up')
    await cluster.pass(30_000)
    assert.deepEqual(working(), [2])
    assert.ok(errors.length > 0)
  })

  it('ends with its signal, and then lets another candidate work at once', async () => {
    const { cluster, candidate, working } = start()
    const first = candidate()
    candidate()
    await cluster.pass(1000)
    first.stopping.abort()
    await cluster.run(first.ended)
    await cluster.pass(1000)
    assert.deepEqual(working(), [2])
  })

  it('ends with the work, and rejects with its error', async () => {
    const { cluster, locks } = start()
    const { signal } = new AbortController()
    await cluster.run(whileElected(locks(), 'job', () => Promise.resolve(), { signal, clock: cluster.clock }))
    const failing = whileElected(locks(), 'job', () => Promise.reject(new Error('no paper')), { signal })
    await assert.rejects(cluster.run(failing), /no paper/)
    assert.deepEqual(cluster.machine.query?.({ type: 'holders', name: 'job' }), {
      ...{ type: 'holders', holders: [], waiting: 0 },
    })
  })
})

function start() {
  const cluster = new RecipeCluster<LockCommand, LockResult, LockQuery, LockAnswer>(new LockMachine(), lockCodecs)
  const tokens = new Set<number>()
  /** A candidate whose work lasts until its signal is aborted. */
  const candidate = () => {
    const connection = cluster.connection()
    const stopping = new AbortController()
    const errors: unknown[] = []
    const work = async (token: number, signal: AbortSignal): Promise<void> => {
      tokens.add(token)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      tokens.delete(token)
    }
    const ended = whileElected(lockClient(connection, { clock: cluster.clock }), 'job', work, {
      ...{ signal: stopping.signal, clock: cluster.clock, onError: (error: unknown) => errors.push(error) },
    })
    return { connection, stopping, errors, ended }
  }
  return {
    cluster,
    candidate,
    locks: () => lockClient(cluster.connection(), { clock: cluster.clock }),
    working: () => [...tokens],
  }
}
