/** The directory of one run: it says whose it is, so that the next run can clear away what one that was killed has left. */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { unmountWithin } from './tiny-disk.ts'

/** Stands in the directory for as long as its run may clear it away itself. */
const OWNER_FILE = 'owner'

/** A new one, which belongs to this process. */
export function makeRunDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), prefixOf(name)))
  writeFileSync(join(directory, OWNER_FILE), ownerOf(process.pid))
  return directory
}

/** It belongs to nobody from now on: no run will clear it away. */
export function keepRunDirectory(directory: string): void {
  rmSync(join(directory, OWNER_FILE), { force: true })
}

/** Clears away what runs of this name have left that are dead; returns the directories. What cannot be cleared is left. */
export function removeLeftovers(name: string): string[] {
  const candidates = readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefixOf(name)))
  return candidates
    .map((entry) => join(tmpdir(), entry))
    .filter((directory) => isLeftover(directory) && tryRemove(directory))
}

/** Only what says that it belonged to a process of this machine which is gone, and is this user's. */
function isLeftover(directory: string): boolean {
  try {
    const stat = lstatSync(directory)
    if (!stat.isDirectory() || stat.uid !== process.getuid?.()) return false
    const owner = readFileSync(join(directory, OWNER_FILE), 'utf8')
    const pid = Number.parseInt(owner, 10)
    return owner === ownerOf(pid) && !isAlive(pid)
  } catch {
    return false
  }
}

function tryRemove(directory: string): boolean {
  try {
    unmountWithin(directory)
    rmSync(directory, { recursive: true })
    return true
  } catch {
    return false
  }
}

/** Also if the number was given to another process meanwhile: better to leave too much than to take a living one's. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** With the host: a process of another container is not to be seen from here. */
function ownerOf(pid: number): string {
  return `${pid} on ${hostname()}\n`
}

function prefixOf(name: string): string {
  return `quorate-${name}-`
}
