/** The contract of a storage, as a suite of checks for any test runner. */
import { checkInteger } from '../../platform/options.ts'
import { checkOptions } from '../option-checks.ts'
import type { StorageCapability } from './storage/capabilities.ts'
import { STORAGE_CAPABILITIES } from './storage/capabilities.ts'
import { compaction, logReset } from './storage/compaction.ts'
import { damage } from './storage/damage.ts'
import { crashes, failures, fullDisks, lostSyncs } from './storage/faults.ts'
import { identities, lifecycle } from './storage/lifecycle.ts'
import { emptyStorage, hardState, logOfBlocks } from './storage/log.ts'
import { midCallCrashes } from './storage/mid-call-crashes.ts'
import { HISTORIES_DEFAULT, randomCrashes } from './storage/random-histories.ts'
import type { StorageFixture, StorageTest } from './storage/samples.ts'
import { snapshotFiles } from './storage/snapshots.ts'
import type { CheckGroup, SuiteOptions } from './suite.ts'
import { defineSuite, suiteOptions } from './suite.ts'

export type { Damage, StorageFixture } from './storage/samples.ts'

/** Options of `storageContract`. */
export interface StorageContractOptions extends SuiteOptions<StorageCapability> {
  /** Creates a fresh, empty fixture. Called for each check, sometimes several times. */
  readonly make: () => Promise<StorageFixture>
  /** The number of random histories with crashes. Default 4. */
  readonly histories?: number | undefined
}

const OPTIONS = suiteOptions(STORAGE_CAPABILITIES, { histories: checkInteger(1) })

/**
 * Defines the checks that every storage must pass. A failed check reports the requirement, what was observed, and the part of the
 * implementation to look at:
 *
 * ```ts
 * storageContract({ describe, it, make: async () => myFixture(), unsupported: ['damage'] })
 * ```
 */
export function storageContract(options: StorageContractOptions): void {
  checkOptions(options, OPTIONS)
  const { make, unsupported = [], histories = HISTORIES_DEFAULT } = options
  const crashesWithinCalls = !unsupported.includes('crashes within calls')
  defineSuite('storage contract', options, checkGroups({ histories, crashesWithinCalls }), (body) =>
    withFixtures(make, body),
  )
}

function checkGroups(
  random: Parameters<typeof randomCrashes>[1],
): readonly CheckGroup<Parameters<StorageTest>[1], StorageCapability>[] {
  return [
    { name: 'an empty storage', define: emptyStorage, hint: 'what open() returns if nothing was written' },
    {
      name: 'the log',
      define: logOfBlocks,
      hint: 'how write() appends and truncates atomically, and what read() returns',
    },
    {
      name: 'the hard state',
      define: hardState,
      hint: 'how write() stores hardState, and how close() syncs non-urgent writes',
    },
    { name: 'compaction', define: compaction, hint: 'what write() does for compactTo' },
    { name: 'a reset', define: logReset, hint: 'what write() does for a snapshot with resetLog' },
    {
      name: 'snapshot files',
      define: snapshotFiles,
      hint: 'snapshots: create() and its writer, read(), list(), retain()',
    },
    {
      name: 'the identity',
      define: identities,
      hint: 'how open() writes and compares the identity, and locks the directory',
    },
    { name: 'a storage', define: lifecycle, hint: 'what each call does before open(), during it, and after close()' },
    {
      name: 'a crash',
      define: (test) => {
        crashes(test)
        randomCrashes(test, random)
      },
      hint: 'whether write() and finish() resolve only after the sync, and whether a write is atomic on disk',
      requires: 'crashes',
    },
    {
      name: 'a crash within a call',
      define: midCallCrashes,
      hint: 'the order in which a call changes the disk, and how open() recovers from an incomplete call',
      requires: 'crashes within calls',
    },
    {
      name: 'a lost sync',
      define: lostSyncs,
      hint: 'whether open() detects files or keys that are older than others',
      requires: 'lost syncs',
    },
    {
      name: 'a failing disk',
      define: failures,
      hint: 'whether the first error of a write is kept, and every later call rejects with it',
      requires: 'failing disks',
    },
    {
      name: 'a full disk',
      define: fullDisks,
      hint: 'which error a full disk causes, whether a write is retried, and what remains of a snapshot',
      requires: 'full disks',
    },
    {
      name: 'damage',
      define: damage,
      hint: 'the checksums: a block has its own (decodeBlock), everything else needs one',
      requires: 'damage',
    },
  ]
}

/** Runs the body of a check with a fresh fixture, creates further ones on demand, and destroys all of them. */
async function withFixtures(make: () => Promise<StorageFixture>, body: Parameters<StorageTest>[1]): Promise<void> {
  const fixtures: StorageFixture[] = []
  const another = async (): Promise<StorageFixture> => {
    const fixture = await make()
    fixtures.push(fixture)
    return fixture
  }
  try {
    await body(await another(), another)
  } finally {
    for (const fixture of fixtures) await fixture.destroy()
  }
}
