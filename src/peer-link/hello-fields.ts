/** Reads and checks what both peer protocols exchange besides messages: hellos, refusals and requests for snapshots. */
import type { BootHistory } from '../contracts/storage.ts'
import { EARLIER_BOOTS_MAX } from '../contracts/storage.ts'
import type { PeerIdentity, Refusal } from '../contracts/transport.ts'
import type { InstallSnapshotRequest } from '../core/messages.ts'
import type { MemberMetadata, SnapshotInfo, SnapshotReport } from '../core/types.ts'
import { parseMembership } from '../log-format/block.ts'
import { metadataProblem, sortedMetadata } from '../log-format/member-metadata.ts'
import { errorMessage } from '../platform/error-message.ts'
import type { FetchRequest, Hello, SnapshotRequest } from './frames.ts'
import type { Fields } from './wire-fields.ts'
import { badMessage, readInteger, readList, readObject, readText, toPrintable } from './wire-fields.ts'

const NODE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const SNAPSHOT_ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/
/** Printable ASCII without spaces; may be empty. */
const NAME = /^[\x21-\x7e]{0,255}$/
const BOOT_ID = /^[\x21-\x7e]{1,64}$/
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/
const REASON_LENGTH_MAX = 1000

export function readHello(fields: Fields): Hello {
  return {
    ...readIdentity(fields),
    receiverId: readText(fields, 'receiverId', NODE_ID),
    address: readText(fields, 'address', NAME),
    receiverAddress: readText(fields, 'receiverAddress', NAME),
    protocolMin: readInteger(fields, 'protocolMin'),
    protocolMax: readInteger(fields, 'protocolMax'),
  }
}

/** Who the peer is, without what only some transports tell. */
export function readIdentity(fields: Fields): PeerIdentity {
  return {
    clusterId: readText(fields, 'clusterId', /^[^\p{C}]{0,255}$/u),
    nodeId: readText(fields, 'nodeId', NODE_ID),
    directoryId: readText(fields, 'directoryId', NAME),
    metadata: fields.metadata == null ? {} : readMetadata(readObject(fields, 'metadata')),
    ...(fields.machineVersion == null ? {} : { machineVersion: readInteger(fields, 'machineVersion', 1) }),
    ...(fields.leaderPriority == null ? {} : { leaderPriority: readInteger(fields, 'leaderPriority') }),
    ...(fields.boot == null ? {} : { boot: readBoots(readObject(fields, 'boot')) }),
  }
}

/** What a transport adds to an identity. */
export function readReach(fields: Fields): Pick<PeerIdentity, 'address' | 'reachedAt' | 'protocol'> {
  return {
    ...(fields.protocol == null ? {} : { protocol: readInteger(fields, 'protocol', 1) }),
    ...(fields.address == null ? {} : { address: readText(fields, 'address', NAME) }),
    ...(fields.reachedAt == null ? {} : { reachedAt: readText(fields, 'reachedAt', NAME) }),
  }
}

function readMetadata(fields: Fields): MemberMetadata {
  const problem = metadataProblem(fields)
  if (problem !== undefined) throw badMessage(`metadata ${problem}`)
  return sortedMetadata(fields as MemberMetadata)
}

function readBoots(fields: Fields): BootHistory {
  const earlier = readList(fields, 'earlier')
  if (earlier.length > EARLIER_BOOTS_MAX) throw badMessage(`${earlier.length} earlier boots`)
  const ids = earlier.map((id) => readText({ id }, 'id', BOOT_ID))
  return { number: readInteger(fields, 'number', 1), id: readText(fields, 'id', BOOT_ID), earlier: ids }
}

export function readRefusal(fields: Fields): Refusal {
  const message = typeof fields.message === 'string' ? fields.message : ''
  return { code: readText(fields, 'code', CODE), message: toPrintable(message.slice(0, REASON_LENGTH_MAX)) }
}

export function readFetchRequest(fields: Fields): FetchRequest {
  return { hello: readHello(readObject(fields, 'hello')), ...readSnapshotRequest(fields) }
}

export function readSnapshotRequest(fields: Fields): SnapshotRequest {
  return { id: readText(fields, 'id', SNAPSHOT_ID), offset: readInteger(fields, 'offset') }
}

/** What an InstallSnapshotRequest says of the snapshot, and where it is. */
export function readOffer({ source }: Fields, snapshot: Fields): Pick<InstallSnapshotRequest, 'snapshot' | 'source'> {
  const report = readSnapshotReport(snapshot)
  return {
    snapshot: { ...report, membership: readMembership(readObject(snapshot, 'membership')) },
    // Absent in one encoding, empty in another.
    ...(source == null || source === '' ? {} : { source: readText({ source }, 'source', NODE_ID) }),
  }
}

/** What is sent of a snapshot to the leader: not its membership, which the leader knows. */
export function reportOf({ id, index, term, chain, size, checksum }: SnapshotReport): SnapshotReport {
  return { id, index, term, chain, size, checksum }
}

export function readSnapshotReport(from: Fields): SnapshotReport {
  return {
    id: readText(from, 'id', SNAPSHOT_ID),
    index: readInteger(from, 'index', 1),
    term: readInteger(from, 'term', 1),
    chain: readChain(from, 'chain'),
    size: readInteger(from, 'size'),
    ...(from.checksum == null ? {} : { checksum: readChecksum(from) }),
  }
}

function readChecksum(from: Fields): number {
  const checksum = readInteger(from, 'checksum')
  if (checksum > 0xffffffff) throw badMessage(`checksum is ${checksum}, more than 32 bits`)
  return checksum
}

/** A hash chain. 0 is a valid one, so a missing field is an error. */
export function readChain(from: Fields, name: string): number {
  if (from[name] == null) throw badMessage(`${name} is missing`)
  return readInteger(from, name)
}

function readMembership(from: Fields): SnapshotInfo['membership'] {
  try {
    return parseMembership(from)
  } catch (cause) {
    throw badMessage(errorMessage(cause), cause)
  }
}
