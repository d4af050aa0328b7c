/** What every storage must do, as a suite for any test runner: pass in `describe`, `it` and how to make a place to store in. */
import { compaction } from './storage/compaction.ts'
import { crashes, failures } from './storage/faults.ts'
import { identities, lifecycle } from './storage/lifecycle.ts'
import { emptyStorage, hardState, logOfBlocks } from './storage/log.ts'
import type { StoragePlace, Test } from './storage/samples.ts'
import { snapshotFiles } from './storage/snapshots.ts'

export type { StoragePlace } from './storage/samples.ts'

export interface StorageContractOptions {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
  readonly make: () => Promise<StoragePlace>
}

export function storageContract({ describe, it, make }: StorageContractOptions): void {
  const test: Test = (name, body) =>
    it(name, async () => {
      const place = await make()
      try {
        await body(place)
      } finally {
        await place.destroy()
      }
    })
  describe('storage contract', () => {
    describe('an empty storage', () => emptyStorage(test))
    describe('the log', () => logOfBlocks(test))
    describe('the hard state', () => hardState(test))
    describe('compaction and reset', () => compaction(test))
    describe('snapshot files', () => snapshotFiles(test))
    describe('identity', () => identities(test))
    describe('lifecycle', () => lifecycle(test))
    describe('a crash', () => crashes(test))
    describe('a failing disk', () => failures(test))
  })
}
