/** What every storage must do, as a suite for any test runner: pass in `describe`, `it` and how to make a place to store in. */
import type { StorageCapability } from './storage/capabilities.ts'
import { compaction } from './storage/compaction.ts'
import { damage } from './storage/damage.ts'
import { crashes, failures, fullDisks, lostSyncs } from './storage/faults.ts'
import { identities, lifecycle } from './storage/lifecycle.ts'
import { emptyStorage, hardState, logOfBlocks } from './storage/log.ts'
import { midCallCrashes } from './storage/mid-call-crashes.ts'
import { HISTORIES_DEFAULT, randomCrashes } from './storage/random-histories.ts'
import type { StorageFixture, StorageTest } from './storage/samples.ts'
import { snapshotFiles } from './storage/snapshots.ts'
import type { CheckGroup, SuiteOptions } from './suite.ts'
import { defineSuite } from './suite.ts'

export type { StorageCapability as Ability } from './storage/capabilities.ts'
export type { Damage, StorageFixture as StoragePlace } from './storage/samples.ts'

export interface StorageContractOptions extends SuiteOptions<StorageCapability> {
  readonly make: () => Promise<StorageFixture>
  /** How many histories with crashes are drawn; 4 by default. */
  readonly histories?: number | undefined
}

export function storageContract(options: StorageContractOptions): void {
  const { make, unsupported = [], histories = HISTORIES_DEFAULT } = options
  const within = !unsupported.includes('crashes within calls')
  defineSuite('storage contract', options, checkGroups({ histories, within }), (body) => withFixtures(make, body))
}

function checkGroups(
  drawn: Parameters<typeof randomCrashes>[1],
): readonly CheckGroup<Parameters<StorageTest>[1], StorageCapability>[] {
  return [
    { name: 'an empty storage', define: emptyStorage, hint: 'what open() answers where nothing was written' },
    {
      name: 'the log',
      define: logOfBlocks,
      hint: 'how write() appends and truncates in one step, and what read() finds',
    },
    {
      name: 'the hard state',
      define: hardState,
      hint: 'how write() keeps hardState, and close() what was not urgent',
    },
    { name: 'compaction and reset', define: compaction, hint: 'what write() does for compactTo and for resetLog' },
    {
      name: 'snapshot files',
      define: snapshotFiles,
      hint: 'snapshots: create() and its writer, read(), list(), retain()',
    },
    {
      name: 'identity',
      define: identities,
      hint: 'how open() writes and compares the identity, and locks the place',
    },
    { name: 'lifecycle', define: lifecycle, hint: 'what each call does before open(), during it, and after close()' },
    {
      name: 'a crash',
      define: (test) => {
        crashes(test)
        randomCrashes(test, drawn)
      },
      hint: 'whether write() and finish() resolve only after the sync, and whether a write is one atomic step on disk',
      requires: 'crashes',
    },
    {
      name: 'a crash within a call',
      define: midCallCrashes,
      hint: 'in which order a call changes what is on disk, and what open() makes of a call that was not finished',
      requires: 'crashes within calls',
    },
    {
      name: 'a lost sync',
      define: lostSyncs,
      hint: 'whether open() takes what is there for one state, whichever of the files or keys are older than the others',
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
      hint: 'which error a full disk becomes, whether anything is tried again, and what is left of a snapshot',
      requires: 'full disks',
    },
    {
      name: 'damage',
      define: damage,
      hint: 'the checksums of whatever was damaged: a block has its own (decodeBlock), the rest needs one',
      requires: 'damage',
    },
  ]
}

/** Runs a check's body in a fresh place, and in others as it asks for them; removes them all. */
async function withFixtures(make: () => Promise<StorageFixture>, body: Parameters<StorageTest>[1]): Promise<void> {
  const places: StorageFixture[] = []
  const another = async (): Promise<StorageFixture> => {
    const place = await make()
    places.push(place)
    return place
  }
  try {
    await body(await another(), another)
  } finally {
    for (const place of places) await place.destroy()
  }
}
