/** Checks what another node has sent besides messages, for transports of one's own. Each throws ERR_RAFT_BAD_MESSAGE. */
import type { PeerIdentity, Refusal } from '../contracts/transport.ts'
import type { SnapshotRequest } from './frames.ts'
import { readIdentity, readReach, readRefusal, readSnapshotRequest } from './hello-fields.ts'
import { readObject } from './wire-fields.ts'

/** Returns the identity without other fields. */
export function validatePeerIdentity(value: unknown): PeerIdentity {
  const fields = readObject({ identity: value }, 'identity')
  return { ...readIdentity(fields), ...readReach(fields) }
}

/** Returns the refusal with a message of at most 1,000 printable characters. */
export function validateRefusal(value: unknown): Refusal {
  return readRefusal(readObject({ refusal: value }, 'refusal'))
}

/** An id becomes part of the name of a file. */
export function validateSnapshotRequest(value: unknown): SnapshotRequest {
  return readSnapshotRequest(readObject({ request: value }, 'request'))
}
