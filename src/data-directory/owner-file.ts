/** The file OWNER describes the process that has a data directory open. It is for error messages; RocksDB's lock decides. */
import { readFile, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { NodeId } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { isMissing } from './storage-errors.ts'

export interface Owner {
  readonly pid: number
  readonly host: string
  /** The boot id of the machine (Linux only): a pid is meaningless after a reboot. */
  readonly bootId: string | undefined
  readonly nodeId: NodeId
  /** ISO 8601. */
  readonly started: string
}

/** Writes OWNER, replacing that of an earlier owner. Call it with the lock held. */
export async function writeOwner(path: string, nodeId: NodeId): Promise<void> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )
  const owner: Owner = { pid: process.pid, host: hostname(), bootId, nodeId, started: new Date().toISOString() }
  await writeFile(path, `${JSON.stringify(owner)}\n`)
}

export async function removeOwner(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (cause) {
    if (!isMissing(cause)) throw cause
  }
}

/** The error for a directory that is open elsewhere, with the process that OWNER describes. */
export async function lockedError(directory: string, ownerPath: string, cause: unknown): Promise<RaftError> {
  const owner = await readOwner(ownerPath)
  return new RaftError('ERR_RAFT_DATA_DIR_LOCKED', `the data directory ${directory} is in use${describe(owner)}`, {
    hint: 'stop that process, or choose another data directory; never delete the lock',
    details: { path: directory, ...owner },
    cause,
  })
}

async function readOwner(path: string): Promise<Partial<Owner>> {
  try {
    const owner: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof owner === 'object' && owner !== null ? (owner as Partial<Owner>) : {}
  } catch {
    return {}
  }
}

function describe(owner: Partial<Owner>): string {
  if (owner.pid === undefined) return ' by a process without an OWNER file'
  const pid = owner.pid === process.pid ? `this process (pid ${owner.pid})` : `pid ${owner.pid}`
  const otherHost = owner.host === hostname() ? '' : ' (possibly in another container or on another machine)'
  return `; owner: ${pid}, node ${owner.nodeId}, host ${owner.host}${otherHost}, since ${owner.started}`
}
