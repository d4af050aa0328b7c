/** Optional capabilities of a storage fixture. A check that needs a missing one fails with an explanation. */
import assert from 'node:assert/strict'
import type { Damage, StorageFixture } from './samples.ts'

/** The capabilities that `unsupported` accepts. */
export type StorageCapability =
  | 'crashes'
  | 'crashes within calls'
  | 'lost syncs'
  | 'failing disks'
  | 'full disks'
  | 'damage'

export const STORAGE_CAPABILITIES: readonly StorageCapability[] = Object.keys({
  crashes: true,
  'crashes within calls': true,
  'lost syncs': true,
  'failing disks': true,
  'full disks': true,
  damage: true,
} satisfies Record<StorageCapability, true>) as StorageCapability[]

/** Simulates a power failure. */
export function crash(fixture: StorageFixture): Promise<void> {
  assert.ok(fixture.crash !== undefined, missingCapability('crash', 'crashes'))
  return fixture.crash()
}

/** Simulates a power failure within a call. Returns whether it happened before the call ended. */
export function crashWithin(
  fixture: StorageFixture,
  call: () => Promise<unknown>,
  crashPoint: number,
): Promise<boolean> {
  assert.ok(fixture.crashWithin !== undefined, missingCapability('crashWithin', 'crashes within calls'))
  return fixture.crashWithin(call, crashPoint)
}

/** Makes the syncs of a part have no effect. Returns false if there is no such part. */
export function loseSyncs(fixture: StorageFixture, part: number): Promise<boolean> {
  assert.ok(fixture.loseSyncs !== undefined, missingCapability('loseSyncs', 'lost syncs'))
  return fixture.loseSyncs(part)
}

/** Fills the disk. The returned function frees it. */
export function fillDisk(fixture: StorageFixture): Promise<() => void> {
  assert.ok(fixture.fillDisk !== undefined, missingCapability('fillDisk', 'full disks'))
  return fixture.fillDisk()
}

/** Makes the disk fail. */
export function failWrites(fixture: StorageFixture): Promise<void> {
  assert.ok(fixture.failWrites !== undefined, missingCapability('failWrites', 'failing disks'))
  return fixture.failWrites()
}

/** Lists every kind of damage that can be done to the stored data. */
export function listDamages(fixture: StorageFixture): Promise<readonly Damage[]> {
  assert.ok(fixture.damages !== undefined, missingCapability('damages', 'damage'))
  return fixture.damages()
}

function missingCapability(method: keyof StorageFixture, capability: StorageCapability): string {
  return `the fixture has no ${method}(): add it, or pass unsupported: ['${capability}'] to skip these checks`
}
