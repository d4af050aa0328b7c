/** JSON within frames. */

import type { Fields } from '../peer-link/wire-fields.ts'
import { badMessage } from '../peer-link/wire-fields.ts'
import { errorMessage } from '../platform/error-message.ts'

export function encodeJson(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}

/** Parses an object. Throws ERR_RAFT_BAD_MESSAGE, for too many bytes before they are parsed. */
export function readJson(bytes: Buffer, bytesMax: number): Fields {
  if (bytes.length > bytesMax) throw badMessage(`${bytes.length} bytes of JSON; at most ${bytesMax} are accepted`)
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch (cause) {
    throw badMessage(errorMessage(cause), cause)
  }
  if (typeof value === 'object' && value !== null) return value as Fields
  throw badMessage('a frame without an object')
}
