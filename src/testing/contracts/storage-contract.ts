/** What every storage must do, as a suite for any test runner: pass in `describe`, `it` and how to make a place to store in. */
import type { Ability } from './storage/abilities.ts'
import { compaction } from './storage/compaction.ts'
import { cuts } from './storage/cuts.ts'
import { damage } from './storage/damage.ts'
import { crashes, failures, fullDisks, lostSyncs } from './storage/faults.ts'
import { drawnCrashes, HISTORIES } from './storage/histories.ts'
import { identities, lifecycle } from './storage/lifecycle.ts'
import { emptyStorage, hardState, logOfBlocks } from './storage/log.ts'
import type { StoragePlace, Test } from './storage/samples.ts'
import { snapshotFiles } from './storage/snapshots.ts'
import type { Group, SuiteOptions } from './suite.ts'
import { defineSuite } from './suite.ts'

export type { Ability } from './storage/abilities.ts'
export type { Damage, StoragePlace } from './storage/samples.ts'

export interface StorageContractOptions extends SuiteOptions<Ability> {
  readonly make: () => Promise<StoragePlace>
  /** How many histories with crashes are drawn; 4 by default. */
  readonly histories?: number | undefined
}

export function storageContract(options: StorageContractOptions): void {
  const { make, without = [], histories = HISTORIES } = options
  const within = !without.includes('crashes within calls')
  defineSuite('storage contract', options, groupsOf({ histories, within }), (body) => inPlaces(make, body))
}

function groupsOf(drawn: Parameters<typeof drawnCrashes>[1]): readonly Group<Parameters<Test>[1], Ability>[] {
  return [
    { name: 'an empty storage', define: emptyStorage, lookAt: 'what open() answers where nothing was written' },
    {
      name: 'the log',
      define: logOfBlocks,
      lookAt: 'how write() appends and truncates in one step, and what read() finds',
    },
    {
      name: 'the hard state',
      define: hardState,
      lookAt: 'how write() keeps hardState, and close() what was not urgent',
    },
    { name: 'compaction and reset', define: compaction, lookAt: 'what write() does for compactTo and for resetLog' },
    {
      name: 'snapshot files',
      define: snapshotFiles,
      lookAt: 'snapshots: create() and its writer, read(), list(), retain()',
    },
    {
      name: 'identity',
      define: identities,
      lookAt: 'how open() writes and compares the identity, and locks the place',
    },
    { name: 'lifecycle', define: lifecycle, lookAt: 'what each call does before open(), during it, and after close()' },
    {
      name: 'a crash',
      define: (test) => {
        crashes(test)
        drawnCrashes(test, drawn)
      },
      lookAt:
        'whether write() and finish() resolve only after the sync, and whether a write is one atomic step on disk',
      needs: 'crashes',
    },
    {
      name: 'a crash within a call',
      define: cuts,
      lookAt: 'in which order a call changes what is on disk, and what open() makes of a call that was not finished',
      needs: 'crashes within calls',
    },
    {
      name: 'a lost sync',
      define: lostSyncs,
      lookAt:
        'whether open() takes what is there for one state, whichever of the files or keys are older than the others',
      needs: 'lost syncs',
    },
    {
      name: 'a failing disk',
      define: failures,
      lookAt: 'whether the first error of a write is kept, and every later call rejects with it',
      needs: 'failing disks',
    },
    {
      name: 'a full disk',
      define: fullDisks,
      lookAt: 'which error a full disk becomes, whether anything is tried again, and what is left of a snapshot',
      needs: 'full disks',
    },
    {
      name: 'damage',
      define: damage,
      lookAt: 'the checksums of whatever was damaged: a block has its own (decodeBlock), the rest needs one',
      needs: 'damage',
    },
  ]
}

/** Runs a check's body in a fresh place, and in others as it asks for them; removes them all. */
async function inPlaces(make: () => Promise<StoragePlace>, body: Parameters<Test>[1]): Promise<void> {
  const places: StoragePlace[] = []
  const another = async (): Promise<StoragePlace> => {
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
