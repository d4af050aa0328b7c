/**
 * Every write stores a summary of the whole log after it. Opening a directory compares the log with the newest summary, and so
 * detects lost writes that RocksDB does not report.
 */

import type { LogIndex, SnapshotInfo, Term } from '../core/types.ts'
import { decodeChecksummedJson } from '../data-directory/checksummed-json.ts'
import type { HardStateRecord } from '../data-directory/hard-state-file.ts'
import { checkHardState, damagedLog } from '../data-directory/log-checks.ts'
import { corrupt } from '../data-directory/storage-errors.ts'
import { decodeBlock } from '../log-format/block.ts'
import type { BlockHeader } from '../log-format/block-list.ts'
import { BlockList } from '../log-format/block-list.ts'
import type { Database } from './database.ts'
import { blockRange, parseBlockKey, SNAPSHOT_KEY, SUMMARY_KEY } from './log-keys.ts'

export interface LogSummary {
  /** The number of this write to the database. */
  readonly write: number
  /** The entry before the first block. Blocks that start at or before it are ignored, even if they still exist. */
  readonly baseIndex: LogIndex
  readonly baseTerm: Term
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  readonly commitIndex: LogIndex
  /** The number of the write that recorded the newest snapshot; 0 without a snapshot. */
  readonly snapshotWrite: number
  /** Blocks that start before this index have been deleted. */
  readonly sweptTo: LogIndex
}

export interface SnapshotRecord {
  readonly write: number
  readonly info: SnapshotInfo
}

export const EMPTY_SUMMARY: LogSummary = {
  write: 1,
  baseIndex: 0,
  baseTerm: 0,
  lastIndex: 0,
  lastTerm: 0,
  commitIndex: 0,
  snapshotWrite: 0,
  sweptTo: 1,
}

export interface VerifiedLog {
  readonly summary: LogSummary
  readonly log: BlockList
  readonly snapshot: SnapshotInfo | undefined
}

/** Reads the whole log in bounded memory and compares it with the summary and the hard state; rejects with ERR_RAFT_CORRUPT. */
export async function verifyLog(
  database: Database,
  location: string,
  hardState: HardStateRecord,
): Promise<VerifiedLog> {
  const summary = await readRecord<LogSummary>(database, SUMMARY_KEY, location)
  if (summary === undefined)
    throw corrupt(`the log in ${location} is lost: it has no summary`, { file: location, key: 'summary' })
  if (summary.write < hardState.logWrite)
    throw damagedLog(
      location,
      summary.lastIndex,
      hardState.lastIndex,
      `its last writes are missing (up to ${hardState.logWrite})`,
    )
  const snapshot = await readSnapshot(database, location, summary)
  const log = await readBlocks(database, location, summary)
  checkHardState(hardState, { log, snapshot, commitIndex: summary.commitIndex }, location)
  return { summary, log, snapshot }
}

async function readSnapshot(
  database: Database,
  location: string,
  summary: LogSummary,
): Promise<SnapshotInfo | undefined> {
  if (summary.snapshotWrite === 0) return undefined
  const record = await readRecord<SnapshotRecord>(database, SNAPSHOT_KEY, location)
  if (record?.write === summary.snapshotWrite) return record.info
  throw corrupt(`the log in ${location} has lost the record of its newest snapshot`, {
    file: location,
    key: 'snapshot',
  })
}

async function readBlocks(database: Database, location: string, summary: LogSummary): Promise<BlockList> {
  const blocks: BlockHeader[] = []
  let end = { index: summary.baseIndex, term: summary.baseTerm }
  const damaged = (what: string, cause?: unknown): Error =>
    damagedLog(location, end.index, summary.lastIndex, what, cause)
  for await (const [key, value] of database.entries(blockRange(summary.baseIndex + 1))) {
    const position = parseBlockKey(key)
    if (position?.first !== end.index + 1) throw damaged(`a block starts at ${position?.first}`)
    if (position.termBefore !== end.term)
      throw damaged(`it follows an entry of term ${position.termBefore}, but the entry before has term ${end.term}`)
    const { bytes: _, ...header } = decode(value, damaged)
    if (header.first !== position.first) throw damaged(`its header starts at ${header.first}`)
    if (header.term < end.term) throw damaged(`its term ${header.term} is below ${end.term}`)
    blocks.push(header)
    end = { index: header.first + header.count - 1, term: header.term }
  }
  if (end.index !== summary.lastIndex || end.term !== summary.lastTerm)
    throw damaged(
      `the log ends with term ${end.term}, but should end at ${summary.lastIndex} with term ${summary.lastTerm}`,
    )
  return new BlockList({ index: summary.baseIndex, term: summary.baseTerm }, blocks)
}

function decode(value: Buffer, damaged: (what: string, cause?: unknown) => Error): ReturnType<typeof decodeBlock> {
  try {
    return decodeBlock(value)
  } catch (cause) {
    throw damaged((cause as Error).message, cause)
  }
}

async function readRecord<Value>(database: Database, key: Buffer, location: string): Promise<Value | undefined> {
  const bytes = await database.get(key)
  if (bytes === undefined) return undefined
  const decoded = decodeChecksummedJson<Value>(bytes)
  if ('value' in decoded) return decoded.value
  throw corrupt(`the record ${key} of the log in ${location} is damaged: ${decoded.damage}`, {
    file: location,
    key: key.toString(),
  })
}
