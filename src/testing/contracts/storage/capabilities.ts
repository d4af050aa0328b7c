/** What a place can do to a storage besides holding it; whoever lacks an ability says so, and nothing is skipped in silence. */
import assert from 'node:assert/strict'
import type { Damage, StorageFixture } from './samples.ts'

/** What a suite can be told to do without. */
export type StorageCapability =
  | 'crashes'
  | 'crashes within calls'
  | 'lost syncs'
  | 'failing disks'
  | 'full disks'
  | 'damage'

/** A power cut in this place. */
export function crash(place: StorageFixture): Promise<void> {
  assert.ok(place.crash !== undefined, missingCapability('crash', 'crashes'))
  return place.crash()
}

/** A power cut within a call in this place; whether it came before the call's end. */
export function crashWithin(place: StorageFixture, call: () => Promise<unknown>, moment: number): Promise<boolean> {
  assert.ok(place.crashWithin !== undefined, missingCapability('crashWithin', 'crashes within calls'))
  return place.crashWithin(call, moment)
}

/** Syncs of a part that do nothing in this place; false if there is no such part. */
export function loseSyncs(place: StorageFixture, part: number): Promise<boolean> {
  assert.ok(place.loseSyncs !== undefined, missingCapability('loseSyncs', 'lost syncs'))
  return place.loseSyncs(part)
}

/** A full disk in this place, and how to free it. */
export function fillDisk(place: StorageFixture): Promise<() => void> {
  assert.ok(place.fillDisk !== undefined, missingCapability('fillDisk', 'full disks'))
  return place.fillDisk()
}

/** A disk that fails in this place. */
export function failWrites(place: StorageFixture): Promise<void> {
  assert.ok(place.failWrites !== undefined, missingCapability('failWrites', 'failing disks'))
  return place.failWrites()
}

/** All the damage that can be done to what is at rest in this place. */
export function listDamages(place: StorageFixture): Promise<readonly Damage[]> {
  assert.ok(place.damages !== undefined, missingCapability('damages', 'damage'))
  return place.damages()
}

function missingCapability(method: keyof StorageFixture, ability: StorageCapability): string {
  return `the place has no ${method}(): give it one, or say without: ['${ability}'] to leave these checks out`
}
