/**
 * What a power cut may take from the files below a directory. Contents belong to a file, so they stay unsynced when it is renamed;
 * names belong to their directory. Each becomes durable by a sync of its own, and is lost without the other.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Random } from '../../core/random.ts'
import type { WatchedFile } from './watched-files.ts'

/**
 * What survives of unsynced data: everything; nothing; the names of files without their contents; their contents under the old
 * names; or some sectors of the contents.
 */
export type Survivors = 'all' | 'nothing' | 'names' | 'contents' | 'sectors'

/** A disk writes sectors atomically, and those of one file in any order. */
const SECTOR_BYTES = 512

interface Name {
  readonly ino: number
  /** The bytes when the name was changed: no other place has those of a file without a name. */
  readonly bytes: Buffer
}

export class UnsyncedData {
  /** The durable bytes of each file with unsynced contents. */
  readonly #contents = new Map<number, Buffer>()
  /** What each changed name durably refers to; undefined: to nothing. */
  readonly #names = new Map<string, Name | undefined>()

  /** Of a file or directory. */
  recordCreate(path: string): void {
    if (!this.#names.has(path)) this.#names.set(path, undefined)
  }

  /** Call before the contents change. */
  recordWrite({ path, ino }: WatchedFile): void {
    if (!this.#contents.has(ino)) this.#contents.set(ino, existsSync(path) ? readFileSync(path) : Buffer.alloc(0))
  }

  /** Call before the name of a file changes or disappears. */
  recordName(path: string): void {
    if (this.#names.has(path) || (existsSync(path) && statSync(path).isDirectory())) return
    this.#names.set(path, existsSync(path) ? { ino: statSync(path).ino, bytes: readFileSync(path) } : undefined)
  }

  /** The contents of a file are durable; of a directory, the names in it. */
  recordSync({ path, ino }: WatchedFile): void {
    this.#contents.delete(ino)
    for (const name of [...this.#names.keys()]) if (dirname(name) === path) this.#names.delete(name)
  }

  /** Removes from a copy of the directory what does not survive. `random` chooses the sectors. */
  applyTo(directory: string, copy: string, left: Survivors, random: Random): void {
    if (left === 'all') return
    const placeIn = (path: string): string => join(copy, path.slice(directory.length))
    if (left !== 'contents') {
      for (const path of filesBelow(directory)) {
        const durable = this.#contents.get(statSync(path).ino)
        if (durable === undefined || !existsSync(placeIn(path))) continue
        writeFileSync(placeIn(path), left === 'sectors' ? mixed(durable, readFileSync(placeIn(path)), random) : durable)
      }
    }
    if (left === 'names' || left === 'sectors') return
    for (const [path, before] of this.#names) {
      if (!path.startsWith(directory) || !existsSync(dirname(placeIn(path)))) continue
      if (before === undefined) rmSync(placeIn(path), { recursive: true, force: true })
      else writeFileSync(placeIn(path), (left === 'nothing' && this.#contents.get(before.ino)) || before.bytes)
    }
  }

  clear(): void {
    this.#contents.clear()
    this.#names.clear()
  }
}

function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** The new bytes with a random set of their sectors as they were before: few of them, most of them, or any number in between. */
function mixed(before: Buffer, after: Buffer, random: Random): Buffer {
  const result = Buffer.from(after)
  const oldInEight = random.between(1, 8)
  for (let start = 0; start < after.length; start += SECTOR_BYTES) {
    if (random.between(0, 8) >= oldInEight) continue
    const end = Math.min(start + SECTOR_BYTES, after.length)
    result.fill(0, start, end)
    result.set(before.subarray(start, end), start)
  }
  return result
}
