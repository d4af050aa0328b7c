/**
 * The envelope of an entry that is not just a command. Layout, little-endian:
 * u8 1 | f64 time | f64 timeoutMs | f64 sessionsMax | f64 commandsMax | f64 resultsMax | f64 resultBytesMax: registers a session
 * u8 2 | f64 time | f64 session | f64 sequence | f64 lowest | command: a command of a session
 * u8 3 | f64 version: raises the machine version
 */
import type { SessionCommand, SessionId } from '../contracts/session.ts'
import { RaftError } from '../errors.ts'
import { allocateBytes } from '../platform/bytes.ts'
import type { SessionLimits } from './limits.ts'

const REGISTRATION = 1
const COMMAND = 2
const MACHINE_VERSION = 3
const REGISTRATION_BYTES = 49
const COMMAND_HEADER_BYTES = 33
const MACHINE_VERSION_BYTES = 9

export type Envelope =
  | { readonly type: 'register'; readonly time: number; readonly limits: SessionLimits }
  | { readonly type: 'machineVersion'; readonly version: number }
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

/** The bytes may share their memory with others for a while: they are meant to be copied into a block. */
export function encodeSessionCommand(time: number, session: SessionCommand, command: Uint8Array): Uint8Array {
  const length = COMMAND_HEADER_BYTES + command.length
  const bytes = allocateBytes(length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  bytes[0] = COMMAND
  view.setFloat64(1, time, true)
  view.setFloat64(9, session.id, true)
  view.setFloat64(17, session.sequence, true)
  view.setFloat64(25, session.lowest ?? session.sequence, true)
  bytes.set(command, COMMAND_HEADER_BYTES)
  return bytes
}

export function encodeMachineVersion(version: number): Uint8Array {
  const bytes = new Uint8Array(MACHINE_VERSION_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, MACHINE_VERSION)
  view.setFloat64(1, version, true)
  return bytes
}

/** Throws ERR_RAFT_FORMAT for an envelope that this release does not know: skipping the entry would make this node differ from the others. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const kind = bytes[0]
  if (kind === COMMAND && bytes.length >= COMMAND_HEADER_BYTES) {
    const command = bytes.subarray(COMMAND_HEADER_BYTES)
    const [id, sequence, lowest] = [integerAt(bytes, 9), integerAt(bytes, 17), integerAt(bytes, 25)]
    return { type: 'command', time: integerAt(bytes, 1), id, sequence, lowest, command }
  }
  if (kind === MACHINE_VERSION && bytes.length === MACHINE_VERSION_BYTES)
    return { type: 'machineVersion', version: integerAt(bytes, 1) }
  if (kind !== REGISTRATION || bytes.length !== REGISTRATION_BYTES)
    throw formatError(`it has kind ${kind ?? 'none'} and ${bytes.length} bytes`)
  const limits = {
    sessionTimeoutMs: integerAt(bytes, 9),
    sessionsMax: integerAt(bytes, 17),
    sessionCommandsMax: integerAt(bytes, 25),
    sessionResultsMax: integerAt(bytes, 33),
    sessionResultBytesMax: integerAt(bytes, 41),
  }
  return { type: 'register', time: integerAt(bytes, 1), limits }
}

/** Faster than a DataView for each entry, where there is a Buffer. */
const readDouble: (this: Uint8Array, offset: number) => number =
  typeof Buffer === 'undefined'
    ? function (offset) {
        return new DataView(this.buffer, this.byteOffset, this.byteLength).getFloat64(offset, true)
      }
    : Buffer.prototype.readDoubleLE

function integerAt(bytes: Uint8Array, offset: number): number {
  const value = readDouble.call(bytes, offset)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw formatError(`it contains ${value} in place of an integer`)
}

function formatError(why: string): RaftError {
  return new RaftError('ERR_RAFT_FORMAT', `the envelope of an entry cannot be read: ${why}`, {
    hint: 'a later release of quorate wrote it: install that release on this node',
  })
}
