/** The errors of a snapshot fetch, equal for every peer protocol. */
import type { Refusal } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import { ERROR_CODES, RaftError } from '../errors.ts'
import type { SnapshotFetch } from './peer-call.ts'

/** The error of `fetchSnapshot` if `from` refuses this node. A code that this release does not know becomes ERR_RAFT_UNREACHABLE. */
export function refusalError(from: NodeId, { code, message }: Refusal): RaftError {
  const knownCode: ErrorCode = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'ERR_RAFT_UNREACHABLE'
  return new RaftError(knownCode, `${from} refused to send its snapshot: ${message}`, { details: { peer: from } })
}

/** What answers at the address is not proven to be the node to fetch from. */
export function untrustedSourceError({ from }: SnapshotFetch, { message }: Refusal): RaftError {
  return new RaftError('ERR_RAFT_UNAUTHENTICATED', `no snapshot is fetched from ${from}: ${message}`, {
    details: { peer: from },
  })
}

export function snapshotGoneError({ from, address, request }: SnapshotFetch, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_SNAPSHOT_GONE', `${from} no longer has snapshot ${request.id}`, {
    hint: 'the leader will offer another one',
    details: { peer: from, address, snapshot: request.id },
    cause,
  })
}

export function fetchInterruptedError({ from, address, request }: SnapshotFetch, cause: Error): RaftError {
  return new RaftError(
    'ERR_RAFT_UNREACHABLE',
    `fetching a snapshot from ${from} at ${address} was interrupted: ${cause.message}`,
    {
      hint: 'the received part is kept, and the transfer resumes from there',
      details: { peer: from, address, snapshot: request.id },
      cause,
    },
  )
}

/** The chunks of a snapshot are contiguous. */
export function wrongOffsetError({ from }: SnapshotFetch, offset: number, expected: number): RaftError {
  return new RaftError('ERR_RAFT_BAD_MESSAGE', `${from} sent bytes from offset ${offset}, expected ${expected}`)
}
