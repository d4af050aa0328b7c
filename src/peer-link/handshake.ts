/** The handshake of a link: both ends send a hello with their identity, and each may reject the other with a reason. */
import type { Refusal, TransportHost } from '../contracts/transport.ts'
import { PROTOCOL_MAX, PROTOCOL_MIN } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import type { Hello } from './frames.ts'

/** The hello that this node sends to `receiverId`; `address` is where peers reach this node, `receiverAddress` what it has dialled. */
export function makeHello(host: TransportHost, address: string, receiverId: NodeId, receiverAddress = ''): Hello {
  const versions = { protocolMin: PROTOCOL_MIN, protocolMax: PROTOCOL_MAX }
  const { protocol: _, ...identity } = host.identity
  return { ...identity, receiverId, address, receiverAddress, ...versions }
}

/**
 * Returns why the sender of a hello is rejected, or undefined to accept it. The node that dialled passes the node it meant to
 * reach as `expected`. For a hello from another cluster, the host's reason takes precedence over the wrong node id, because the
 * cluster is the cause.
 */
export function checkHello(host: TransportHost, hello: Hello, expected?: NodeId): Refusal | undefined {
  const { clusterId, nodeId, directoryId, boot, metadata, machineVersion, leaderPriority } = hello
  const { address, receiverAddress } = hello
  const protocol = hello.protocolMax
  const refusal = versionMismatch(hello) ?? wrongNode(host, hello, expected)
  if (refusal !== undefined && (clusterId === host.identity.clusterId || refusal.code === 'ERR_RAFT_PROTOCOL'))
    return refusal
  const reachedAt = receiverAddress === '' ? undefined : receiverAddress
  return (
    host.admit({
      clusterId,
      nodeId,
      directoryId,
      boot,
      metadata,
      machineVersion,
      leaderPriority,
      address,
      reachedAt,
      protocol,
    }) ?? refusal
  )
}

function versionMismatch({ nodeId, protocolMin, protocolMax }: Hello): Refusal | undefined {
  if (protocolMin <= PROTOCOL_MAX && protocolMax >= PROTOCOL_MIN) return undefined
  return makeRefusal(
    'ERR_RAFT_PROTOCOL',
    `${nodeId} supports versions ${protocolMin} to ${protocolMax} of the peer protocol, and this node ${PROTOCOL_MIN} to ${PROTOCOL_MAX}`,
  )
}

/** Detects an address that leads to the wrong node, and two nodes with the same id. */
function wrongNode(host: TransportHost, hello: Hello, expected: NodeId | undefined): Refusal | undefined {
  const own = host.identity
  const isOwnName = hello.nodeId === own.nodeId
  if (isOwnName && hello.directoryId === own.directoryId && hello.boot?.id !== own.boot?.id) return host.admit(hello)
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
