/** Runs the checks of the storage contract that are about crashes, for storages with a fault on purpose. */
import assert from 'node:assert/strict'
import type { StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'

/** Runs the checks in order until one fails. Returns its title, or undefined if all pass. */
export async function firstFailedCrashCheck(make: () => Promise<StorageFixture>): Promise<string | undefined> {
  const checks: { readonly title: string; readonly run: () => unknown }[] = []
  let group = ''
  storageContract({
    describe: (title, define) => {
      group = title
      define()
    },
    it: (title, run) => {
      if (group.startsWith('a crash')) checks.push({ title, run })
    },
    make,
    histories: 1,
  })
  assert.ok(checks.length > 5, `only ${checks.length} checks of crashes were found`)
  for (const { title, run } of checks) {
    try {
      await run()
    } catch (failure) {
      assert.match(String(failure), /^(AssertionError|Error).*required: a crash/)
      return title
    }
  }
  return undefined
}
