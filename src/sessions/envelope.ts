/**
 * The envelope of an entry that concerns a session. Layout, little-endian:
 * u8 1 | f64 time | f64 timeoutMs | f64 sessionsMax | f64 commandsMax | f64 resultsMax | f64 resultBytesMax: registers a session
 * u8 2 | f64 time | f64 session | f64 sequence | f64 lowest | command: a command of a session
 */
import type { SessionCommand, SessionId } from '../contracts/session.ts'
import { RaftError } from '../errors.ts'
import type { SessionLimits } from './limits.ts'

const REGISTRATION = 1
const COMMAND = 2
const REGISTRATION_BYTES = 49
const COMMAND_HEADER_BYTES = 33

export type Envelope =
  | { readonly type: 'register'; readonly time: number; readonly limits: SessionLimits }
  | {
      readonly type: 'command'
      readonly time: number
      readonly id: SessionId
      readonly sequence: number
      readonly lowest: number
      readonly command: Uint8Array
    }

/** `time` is the log time at which the leader writes the entry. */
export function encodeRegistration(time: number, limits: SessionLimits): Uint8Array {
  const bytes = new Uint8Array(REGISTRATION_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, REGISTRATION)
  view.setFloat64(1, time, true)
  view.setFloat64(9, limits.sessionTimeoutMs, true)
  view.setFloat64(17, limits.sessionsMax, true)
  view.setFloat64(25, limits.sessionCommandsMax, true)
  view.setFloat64(33, limits.sessionResultsMax, true)
  view.setFloat64(41, limits.sessionResultBytesMax, true)
  return bytes
}

export function encodeSessionCommand(time: number, session: SessionCommand, command: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(COMMAND_HEADER_BYTES + command.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, COMMAND)
  view.setFloat64(1, time, true)
  view.setFloat64(9, session.id, true)
  view.setFloat64(17, session.sequence, true)
  view.setFloat64(25, session.lowest ?? session.sequence, true)
  bytes.set(command, COMMAND_HEADER_BYTES)
  return bytes
}

/** Throws ERR_RAFT_FORMAT for an envelope that this release does not know: skipping the entry would make this node differ from the others. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kind = bytes[0]
  const number = (offset: number): number => {
    const value = view.getFloat64(offset, true)
    if (Number.isSafeInteger(value) && value >= 0) return value
    throw formatError(`it contains ${value} in place of an integer`)
  }
  if (kind === REGISTRATION && bytes.length === REGISTRATION_BYTES) {
    const [sessionTimeoutMs, sessionsMax, sessionCommandsMax] = [number(9), number(17), number(25)]
    const limits = { sessionTimeoutMs, sessionsMax, sessionCommandsMax, sessionResultsMax: number(33) }
    return { type: 'register', time: number(1), limits: { ...limits, sessionResultBytesMax: number(41) } }
  }
  if (kind !== COMMAND || bytes.length < COMMAND_HEADER_BYTES)
    throw formatError(`it has kind ${kind ?? 'none'} and ${bytes.length} bytes`)
  const command = bytes.subarray(COMMAND_HEADER_BYTES)
  return { type: 'command', time: number(1), id: number(9), sequence: number(17), lowest: number(25), command }
}

function formatError(why: string): RaftError {
  return new RaftError('ERR_RAFT_FORMAT', `the envelope of an entry cannot be read: ${why}`, {
    hint: 'a later release of quorate wrote it: install that release on this node',
  })
}
