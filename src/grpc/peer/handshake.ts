/** The first words on a link: each end shows who it is and whom it means, and each may turn the other away, saying why. */
import type { Refusal, TransportHost } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import type { ErrorCode } from '../../errors.ts'
import type { Hello } from './codec.ts'

/** The versions of proto/quorate/v1/peer.proto this node speaks, both included. */
export const PROTOCOL_MIN = 1
export const PROTOCOL_MAX = 1

/** How this node, reached at `address`, greets the node it believes to be `receiverId`. */
export function makeHello(host: TransportHost, address: string, receiverId: NodeId): Hello {
  const { clusterId, nodeId, directoryId } = host.identity
  return { clusterId, nodeId, directoryId, receiverId, address, protocolMin: PROTOCOL_MIN, protocolMax: PROTOCOL_MAX }
}

/**
 * Whether the other end may come in; `expected` is whom this node meant to reach, if it was the one who called. The host has the
 * last word, and the first about another cluster: an address that leads into a foreign cluster usually leads to a foreign node too.
 */
export function checkHello(host: TransportHost, hello: Hello, expected?: NodeId): Refusal | undefined {
  const { clusterId, nodeId, directoryId } = hello
  const refusal = versionMismatch(hello) ?? wrongNode(host, hello, expected)
  if (refusal !== undefined && (clusterId === host.identity.clusterId || refusal.code === 'ERR_RAFT_PROTOCOL'))
    return refusal
  return host.admit({ clusterId, nodeId, directoryId }) ?? refusal
}

function versionMismatch({ nodeId, protocolMin, protocolMax }: Hello): Refusal | undefined {
  if (protocolMin <= PROTOCOL_MAX && protocolMax >= PROTOCOL_MIN) return undefined
  return makeRefusal(
    'ERR_RAFT_PROTOCOL',
    `${nodeId} speaks versions ${protocolMin} to ${protocolMax} of the peer protocol, this node ${PROTOCOL_MIN} to ${PROTOCOL_MAX}`,
  )
}

/** The wrong node at an address, or two nodes of one name. */
function wrongNode(host: TransportHost, hello: Hello, expected: NodeId | undefined): Refusal | undefined {
  const own = host.identity
  const isOwnName = hello.nodeId === own.nodeId
  if (isOwnName && hello.directoryId === own.directoryId)
    return makeRefusal(
      'ERR_RAFT_NODE_MISMATCH',
      `the address of ${hello.receiverId} leads back to ${own.nodeId} itself`,
    )
  if (isOwnName)
    return makeRefusal('ERR_RAFT_DUPLICATE_NODE', `two processes run as ${own.nodeId}, with different data directories`)
  if (hello.receiverId !== own.nodeId)
    return makeRefusal('ERR_RAFT_NODE_MISMATCH', `this is ${own.nodeId}, not ${hello.receiverId}`)
  if (expected !== undefined && hello.nodeId !== expected)
    return makeRefusal('ERR_RAFT_NODE_MISMATCH', `the address of ${expected} leads to ${hello.nodeId}`)
  return undefined
}

export function makeRefusal(code: ErrorCode, message: string): Refusal {
  return { code, message }
}
