/** The files BOOTS and UNUSABLE: the boots of a data directory, and why it must never be opened again. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { BootHistory, Unusable } from '../contracts/storage.ts'
import { nextBoot } from '../contracts/storage.ts'
import type { NodeId } from '../core/types.ts'
import { ERROR_CODES, RaftError } from '../errors.ts'
import { decodeChecksummedJson, encodeChecksummedJson } from './checksummed-json.ts'
import type { DataDirectory, DirectoryIdentity } from './data-directory.ts'
import { replaceFile } from './durable-files.ts'
import { corrupt, isMissing, storageError } from './storage-errors.ts'

const ID_BYTES = 8

/** Creates BOOTS in a new directory. */
export async function createBoots({ boots }: DataDirectory): Promise<void> {
  await replaceFile(boots, encodeChecksummedJson({ number: 0, id: '', earlier: [] }))
}

/** Draws the next boot of the directory; durable once it resolves. */
export async function beginBoot({ boots }: DataDirectory, { countsBoots }: DirectoryIdentity): Promise<BootHistory> {
  const last = await readLast(boots, countsBoots)
  const next = nextBoot(last, randomBytes(ID_BYTES).toString('hex'))
  await replaceFile(boots, encodeChecksummedJson(next))
  return next
}

/** Rejects with the stored reason if the directory was marked as unusable. */
export async function assertUsable({ unusable }: DataDirectory, nodeId: NodeId): Promise<void> {
  const reason = await readRecord<Unusable>(unusable)
  if (reason === undefined) return
  const code = Object.hasOwn(ERROR_CODES, reason.code) ? reason.code : 'ERR_RAFT_CORRUPT'
  throw new RaftError(code, reason.message, {
    hint:
      `this data directory cannot be used again: quorate member remove ${nodeId} --yes; quorate member add ${nodeId} ADDRESS; ` +
      `then start ${nodeId} with --join and a new --data-dir`,
    details: { file: unusable },
  })
}

/** The reason may be an error, whose message JSON leaves out. */
export async function markUnusable({ unusable }: DataDirectory, { code, message }: Unusable): Promise<void> {
  try {
    await replaceFile(unusable, encodeChecksummedJson({ code, message } satisfies Unusable))
  } catch (cause) {
    throw storageError(cause, `write ${unusable}`)
  }
}

/** The last boot of the directory; undefined if it has not been opened yet. */
export async function readBoot(
  { boots }: DataDirectory,
  { countsBoots }: DirectoryIdentity,
): Promise<BootHistory | undefined> {
  return readLast(boots, countsBoots)
}

async function readLast(path: string, isCounted: boolean | undefined): Promise<BootHistory | undefined> {
  const last = await readRecord<BootHistory>(path)
  if (last === undefined && isCounted === true) throw corrupt(`the file ${path} is lost`, { file: path })
  return last?.number === 0 ? undefined : last
}

async function readRecord<Value>(path: string): Promise<Value | undefined> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw storageError(cause, `read ${path}`)
  }
  const decoded = decodeChecksummedJson<Value>(bytes)
  if ('value' in decoded) return decoded.value
  throw corrupt(`the file ${path} is damaged: ${decoded.damage}`, { file: path })
}
