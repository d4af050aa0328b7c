/** The directory of a run. It records its owner process, so that a later run can remove what a killed one has left. */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { unmountWithin } from './tiny-disk.ts'

/** The file that names the owner process. Directories without it are never removed by others. */
const OWNER_FILE = 'owner'

/** Creates a directory that this process owns. */
export function makeRunDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), prefixOf(name)))
  writeFileSync(join(directory, OWNER_FILE), ownerOf(process.pid))
  return directory
}

/** Gives up the ownership, so that no run removes the directory. */
export function keepRunDirectory(directory: string): void {
  rmSync(join(directory, OWNER_FILE), { force: true })
}

/** Removes the directories of killed runs of this name and returns their paths. Ignores those that cannot be removed. */
export function removeLeftovers(name: string): string[] {
  const candidates = readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefixOf(name)))
  return candidates
    .map((entry) => join(tmpdir(), entry))
    .filter((directory) => isLeftover(directory) && tryRemove(directory))
}

/** True only for a directory of this user whose owner was a process of this machine that no longer runs. */
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

/** Also true if the pid was reused: it is better to keep a directory than to remove one in use. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Contains the host name, because processes of other containers are not visible here. */
function ownerOf(pid: number): string {
  return `${pid} on ${hostname()}\n`
}

function prefixOf(name: string): string {
  return `quorate-${name}-`
}
