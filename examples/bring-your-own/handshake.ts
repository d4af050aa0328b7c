/** The first frames of a connection: each end says who it is, and the other admits or refuses it. */
import type { Socket } from 'node:net'
import type { NodeId, PeerIdentity, Refusal, TransportHost } from 'quorate'
import { refusalError, validatePeerIdentity, validateRefusal } from 'quorate/tcp'
import { type Frame, writeJson } from './frames.ts'

export type Frames = AsyncGenerator<Frame, void, undefined>

interface Hello {
  readonly identity: PeerIdentity
  /** The node that the caller means to reach. */
  readonly receiver: NodeId
}

/** Calls `peer` at `address`. Returns its refusal, if it refuses this node. Throws if this node refuses what answers. */
export async function greet(
  connection: { socket: Socket; frames: Frames },
  host: TransportHost,
  call: { peer: NodeId; address: string; ownAddress: string },
): Promise<Refusal | undefined> {
  const { socket, frames } = connection
  const { peer, address, ownAddress } = call
  const identity = { ...host.identity, address: ownAddress, reachedAt: address }
  writeJson(socket, 'hello', { identity, receiver: peer } satisfies Hello)
  const answer = await nextFrame(frames)
  if (answer.kind === 'refusal') return validateRefusal(parse(answer))
  const answering = readHello(answer).identity
  const mismatch = wrongNode(`the address of ${peer} leads to ${answering.nodeId}`)
  if (answering.nodeId !== peer) {
    writeJson(socket, 'refusal', mismatch)
    return mismatch
  }
  const refusal = host.admit(answering)
  if (refusal === undefined) return undefined
  writeJson(socket, 'refusal', refusal)
  throw refusalError(peer, refusal)
}

/** Answers a caller. Returns its identity, or undefined if it was refused. */
export async function answer(
  connection: { socket: Socket; frames: Frames },
  host: TransportHost,
  ownAddress: string,
): Promise<PeerIdentity | undefined> {
  const { identity, receiver } = readHello(await nextFrame(connection.frames))
  const own = host.identity
  const refusal = receiver === own.nodeId ? host.admit(identity) : wrongNode(`this is ${own.nodeId}, not ${receiver}`)
  if (refusal === undefined) {
    const answering = { ...own, address: ownAddress }
    writeJson(connection.socket, 'hello', { identity: answering, receiver: identity.nodeId } satisfies Hello)
    return identity
  }
  writeJson(connection.socket, 'refusal', refusal)
  return undefined
}

export async function nextFrame(frames: Frames): Promise<Frame> {
  const { value } = await frames.next()
  if (value === undefined) throw new Error('the peer has closed the connection')
  return value
}

export function parse({ body }: Frame): unknown {
  return JSON.parse(body.toString())
}

function readHello(frame: Frame): Hello {
  if (frame.kind !== 'hello') throw new Error(`${frame.kind} before a hello`)
  const { identity, receiver } = parse(frame) as Partial<Hello>
  return { identity: validatePeerIdentity(identity), receiver: String(receiver) }
}

function wrongNode(message: string): Refusal {
  return { code: 'ERR_RAFT_NODE_MISMATCH', message }
}
