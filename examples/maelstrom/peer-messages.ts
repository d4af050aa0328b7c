/** Converts Raft messages to and from JSON: their bytes, as nodes exchange them over TCP, in base64. */
import type { PeerMessage } from 'quorate'
import { decodePeerMessage, encodePeerMessage } from 'quorate/tcp'

/** The type is for those who read the log of a run. */
export function toJson(message: PeerMessage): object {
  return { type: message.type, bytes: Buffer.from(encodePeerMessage(message)).toString('base64') }
}

/** Undefined if the JSON is not a message; the caller drops it. */
export function fromJson(json: unknown): PeerMessage | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const { bytes } = json as { readonly bytes?: unknown }
  if (typeof bytes !== 'string') return undefined
  try {
    return decodePeerMessage(Buffer.from(bytes, 'base64'))
  } catch {
    return undefined
  }
}
