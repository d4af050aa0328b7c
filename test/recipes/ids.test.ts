import assert from 'node:assert/strict'
import fc from 'fast-check'
import { RaftError } from '../../src/errors.ts'
import type { IdAnswer, IdCommand, IdQuery, IdResult } from '../../src/recipes/index.ts'
import { ID_LIMITS, IdMachine, idClient, idCodecs } from '../../src/recipes/index.ts'
import { snapshotOf, Table } from '../../src/recipes/table.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'
import { RecipeCluster } from './recipe-cluster.ts'

describe('the id machine', () => {
  it('passes every check of a state machine, and does the same as its model, in isolation and in clusters', async () => {
    const name = fc.constantFrom('a', 'b')
    const totals = await checkStateMachine(() => new IdMachine(), {
      commands: fc.record({ type: fc.constant('reserve' as const), name, count: fc.integer({ min: 1, max: 5 }) }),
      queries: fc.record({ type: fc.constant('last' as const), name }),
      ...idCodecs,
      model: () => new IdModel(),
      logs: 50,
      runs: 6,
    })
    assert.deepEqual(totals.histories, { linearizable: 6, undecided: 0 })
  }).timeout(60_000)

  it('refuses sequences beyond its bound, and blocks that are too large', () => {
    const ids = new IdMachine()
    const reserve = (name: string, count = 1) => reasonOf(ids.apply({ type: 'reserve', name, count }))
    for (let at = 0; at < ID_LIMITS.sequencesMax; at++) assert.equal(reserve(`${at}`), undefined)
    assert.equal(reserve('one more'), 'too many sequences')
    assert.equal(reserve('0', ID_LIMITS.blockMax + 1), 'malformed')
    assert.equal(reserve('0', ID_LIMITS.blockMax), undefined)
  })

  it('refuses ids that are no safe integers', async () => {
    const table = new Table<number>()
    table.set('a', Number.MAX_SAFE_INTEGER - 1)
    const ids = new IdMachine()
    await ids.restore(
      (async function* () {
        yield* snapshotOf('ids', {}, table)
      })(),
    )
    const reserve = (count: number) => reasonOf(ids.apply({ type: 'reserve', name: 'a', count }))
    assert.deepEqual([reserve(2), reserve(1), reserve(1)], ['exhausted', undefined, 'exhausted'])
  })
})

describe('the id client', () => {
  it('gives no id twice, on any number of clients, and reserves in blocks', async () => {
    const cluster = new RecipeCluster<IdCommand, IdResult, IdQuery, IdAnswer>(new IdMachine(), idCodecs)
    const clients = [1, 2, 3].map(() => idClient(cluster.connection(), 'orders', { block: 10 }))
    const calls = clients.flatMap((client) => Array.from({ length: 25 }, () => client.next()))
    const ids = await cluster.run(Promise.all(calls))
    assert.equal(new Set(ids).size, 75)
    assert.equal(cluster.applied.length, 9)
    for (const at of [0, 25, 50])
      assert.deepEqual(
        ids.slice(at, at + 25),
        ids.slice(at, at + 25).sort((a, b) => a - b),
      )
  })

  it('skips a block whose reservation has an unknown outcome, and can be called again', async () => {
    const cluster = new RecipeCluster<IdCommand, IdResult, IdQuery, IdAnswer>(new IdMachine(), idCodecs)
    const connection = cluster.connection()
    const client = idClient(connection, 'orders', { block: 10 })
    connection.set('loses results')
    await assert.rejects(cluster.run(client.next()), { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    connection.set('up')
    assert.deepEqual(await cluster.run(Promise.all([client.next(), client.next()])), [11, 12])
  })

  it('rejects a block that is no count', () => {
    assert.throws(() => idClient({ propose: () => Promise.reject(new Error('unused')) }, 'a', { block: 0 }), RaftError)
  })
})

function reasonOf(result: IdResult): string | undefined {
  return result.type === 'refused' ? result.reason : undefined
}

/** Every id, in a list. */
class IdModel {
  readonly #ids: string[] = []

  apply(command: IdCommand): IdResult {
    if (command.type === 'malformed') throw new Error('not generated')
    const first = this.#last(command.name) + 1
    for (let count = 0; count < command.count; count++) this.#ids.push(command.name)
    return { type: 'reserved', first, last: this.#last(command.name) }
  }

  query(query: IdQuery): IdAnswer {
    return { type: 'last', last: query.type === 'last' ? this.#last(query.name) : 0 }
  }

  #last(name: string): number {
    return this.#ids.filter((each) => each === name).length
  }
}
