/** Every check of the contract suites fails for at least one that is bad in just its way, and none for the good one. */
import assert from 'node:assert/strict'
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { memoryPlace } from '../memory/place.ts'
import { BAD_STORAGES } from './bad-storages.ts'
import type { Runner } from './suite-checks.ts'
import { checksOf, verdictOf } from './suite-checks.ts'

describe('the storage contract catches a storage that', () => {
  const checksOn = (make: typeof memoryPlace) => checksOf((runner: Runner) => storageContract({ ...runner, make }))
  for (const { it: what, fails, make } of BAD_STORAGES)
    it(what, async () => {
      const check = checksOn(make).get(fails)
      assert.ok(check !== undefined, `the suite has no check: ${fails}`)
      assert.notEqual(await verdictOf(check), undefined, `this check is content: ${fails}`)
    })

  it('is bad in any way that it has a check for', () => {
    const caught = new Set(BAD_STORAGES.map(({ fails }) => fails))
    assert.deepEqual(
      [...checksOn(memoryPlace).keys()].filter((title) => !caught.has(title)),
      [],
    )
  })
})
