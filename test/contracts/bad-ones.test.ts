/** Every check of the contract suites fails for at least one that is bad in just its way. */
import assert from 'node:assert/strict'
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { memoryWorld } from '../memory/memory-world.ts'
import { memoryPlace } from '../memory/place.ts'
import { BAD_STORAGES } from './bad-storages.ts'
import { BAD_TRANSPORTS } from './bad-transports.ts'
import { checksOf, verdictOf } from './suite-checks.ts'

/** What a good one in memory never needs: it answers within turns. */
const PATIENCE_MS = 100

const storageChecks = (make: typeof memoryPlace): Map<string, () => Promise<void>> =>
  checksOf((runner) => storageContract({ ...runner, make }))

const transportChecks = (make: typeof memoryWorld): Map<string, () => Promise<void>> =>
  checksOf((runner) => transportContract({ ...runner, make, patienceMs: PATIENCE_MS }))

describe('the storage contract catches a storage that', () => {
  for (const { it: what, fails, make } of BAD_STORAGES) it(what, () => isCaught(storageChecks(make), fails))

  it('is bad in any way that it has a check for', () => {
    const caught = new Set(BAD_STORAGES.map(({ fails }) => fails))
    assert.deepEqual(
      [...storageChecks(memoryPlace).keys()].filter((title) => !caught.has(title)),
      [],
    )
  })
})

describe('the transport contract catches a transport that', () => {
  for (const { it: what, fails, make } of BAD_TRANSPORTS)
    it(what, async () => {
      for (const title of fails) await isCaught(transportChecks(make), title)
    })

  it('is bad in any way that it has a check for', () => {
    const caught = new Set(BAD_TRANSPORTS.flatMap(({ fails }) => fails))
    assert.deepEqual(
      [...transportChecks(memoryWorld).keys()].filter((title) => !caught.has(title)),
      [],
    )
  })
})

async function isCaught(checks: Map<string, () => Promise<void>>, title: string): Promise<void> {
  const check = checks.get(title)
  assert.ok(check !== undefined, `the suite has no check: ${title}`)
  assert.notEqual(await verdictOf(check), undefined, `this check is content: ${title}`)
}
