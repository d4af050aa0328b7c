/**
 * The bytes of a table of sessions. Layout, in f64 little-endian:
 * time | timeoutMs | sessionsMax | commandsMax | resultsMax | resultBytesMax | number of sessions | the sessions, from the one that was idle longest.
 * A session: id | activeAt | lowest | number of results | the results. A result: sequence | index | term | length, -1 if dropped | bytes.
 */
import { RaftError } from '../errors.ts'
import { fromLatin1, latin1 } from '../platform/bytes.ts'
import type { SessionLimits } from './limits.ts'
import type { AppliedResult, Session, SessionTable } from './session-table.ts'

const HEADER_NUMBERS = 7
const SESSION_NUMBERS = 4
const RESULT_NUMBERS = 4

/** Without `results` the bytes of results are left out, in which two releases may differ: for a digest. */
export function encodeTable(table: SessionTable, { results }: { readonly results: boolean }): Uint8Array {
  const numbers = HEADER_NUMBERS + SESSION_NUMBERS * table.sessionCount + RESULT_NUMBERS * table.resultCount
  const bytes = new Uint8Array(8 * numbers + (results ? table.resultBytes : 0))
  const view = new DataView(bytes.buffer)
  let position = 0
  const put = (value: number): void => {
    view.setFloat64(position, value, true)
    position += 8
  }
  const { sessionTimeoutMs, sessionsMax, sessionCommandsMax, sessionResultsMax, sessionResultBytesMax } = table.limits
  for (const value of [table.time, sessionTimeoutMs, sessionsMax, sessionCommandsMax, sessionResultsMax]) put(value)
  put(sessionResultBytesMax)
  put(table.sessionCount)
  for (const session of table.sessions) {
    put(session.id)
    put(session.activeAt)
    put(session.lowest)
    put(session.results.size)
    for (const [sequence, result] of session.results) {
      put(sequence)
      put(result.index)
      put(result.term)
      put(results ? (result.bytes?.length ?? -1) : 0)
      if (!results || result.bytes === undefined) continue
      bytes.set(fromLatin1(result.bytes), position)
      position += result.bytes.length
    }
  }
  return bytes
}

/** Replaces the table by one from `encodeTable`. Throws ERR_RAFT_CORRUPT. */
export function decodeTable(bytes: Uint8Array, table: SessionTable): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let position = 0
  const take = (min = 0): number => {
    if (position + 8 > bytes.length) throw corruptError('it ends early')
    const value = view.getFloat64(position, true)
    position += 8
    if (!Number.isSafeInteger(value) || value < min) throw corruptError(`it contains the number ${value}`)
    return value
  }
  const takeResult = (): [number, AppliedResult] => {
    const [sequence, index, term, length] = [take(), take(), take(), take(-1)]
    if (length === -1) return [sequence, { index, term, bytes: undefined }]
    if (position + length > bytes.length) throw corruptError('a result ends early')
    const result = latin1(bytes.subarray(position, position + length))
    position += length
    return [sequence, { index, term, bytes: result }]
  }
  const time = take()
  const [sessionTimeoutMs, sessionsMax, sessionCommandsMax] = [take(), take(), take()]
  const limits: SessionLimits = {
    ...{ sessionTimeoutMs, sessionsMax, sessionCommandsMax },
    ...{ sessionResultsMax: take(), sessionResultBytesMax: take() },
  }
  const sessions: Session[] = []
  for (let count = take(); count > 0; count--) {
    const [id, activeAt, lowest] = [take(), take(), take()]
    const results = new Map<number, AppliedResult>()
    for (let resultCount = take(); resultCount > 0; resultCount--) results.set(...takeResult())
    sessions.push({ id, activeAt, lowest, results })
  }
  if (position !== bytes.length) throw corruptError(`${bytes.length - position} bytes follow it`)
  table.replace(time, sessionsMax === 0 ? undefined : limits, sessions)
}

function corruptError(why: string): RaftError {
  return new RaftError('ERR_RAFT_CORRUPT', `the sessions in a snapshot cannot be read: ${why}`)
}
