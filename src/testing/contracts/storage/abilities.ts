/** What a place can do to a storage besides holding it; whoever lacks an ability says so, and nothing is skipped in silence. */
import assert from 'node:assert/strict'
import type { Damage, StoragePlace } from './samples.ts'

/** What a suite can be told to do without. */
export type Ability = 'crashes' | 'crashes within calls' | 'lost syncs' | 'failing disks' | 'full disks' | 'damage'

/** A power cut in this place. */
export function crashOf(place: StoragePlace): Promise<void> {
  assert.ok(place.crash !== undefined, lacking('crash', 'crashes'))
  return place.crash()
}

/** A power cut within a call in this place; whether it came before the call's end. */
export function crashWithinOf(place: StoragePlace, call: () => Promise<unknown>, moment: number): Promise<boolean> {
  assert.ok(place.crashWithin !== undefined, lacking('crashWithin', 'crashes within calls'))
  return place.crashWithin(call, moment)
}

/** Syncs of a part that do nothing in this place; false if there is no such part. */
export function loseSyncsOf(place: StoragePlace, part: number): Promise<boolean> {
  assert.ok(place.loseSyncs !== undefined, lacking('loseSyncs', 'lost syncs'))
  return place.loseSyncs(part)
}

/** A full disk in this place, and how to free it. */
export function fillDiskOf(place: StoragePlace): Promise<() => void> {
  assert.ok(place.fillDisk !== undefined, lacking('fillDisk', 'full disks'))
  return place.fillDisk()
}

/** A disk that fails in this place. */
export function failWritesOf(place: StoragePlace): Promise<void> {
  assert.ok(place.failWrites !== undefined, lacking('failWrites', 'failing disks'))
  return place.failWrites()
}

/** All the damage that can be done to what is at rest in this place. */
export function damagesOf(place: StoragePlace): Promise<readonly Damage[]> {
  assert.ok(place.damages !== undefined, lacking('damages', 'damage'))
  return place.damages()
}

function lacking(method: keyof StoragePlace, ability: Ability): string {
  return `the place has no ${method}(): give it one, or say without: ['${ability}'] to leave these checks out`
}
