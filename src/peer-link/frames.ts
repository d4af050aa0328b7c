/** What peers exchange, whatever carries it: the frames of a link, and the request for a snapshot. */
import type { PeerIdentity, PeerMessage, Refusal } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'

/** The first frame of a link: the sender's identity and address, the node it means to reach, and its protocol versions. */
export interface Hello extends PeerIdentity {
  readonly receiverId: NodeId
  readonly address: string
  /** The address that the sender has dialled; '' in the answer to a hello, and from earlier versions. */
  readonly receiverAddress: string
  readonly protocolMin: number
  readonly protocolMax: number
}

export type Frame =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'refusal'; readonly refusal: Refusal }
  | { readonly type: 'messages'; readonly messages: readonly PeerMessage[] }

/** The arguments of `readSnapshot` of a host. */
export interface SnapshotRequest {
  readonly id: string
  readonly offset: number
}

export interface FetchRequest extends SnapshotRequest {
  readonly hello: Hello
}

/** The most messages in one frame. */
export const FRAME_MESSAGES_MAX = 1024
/** The largest frame before the handshake is complete. */
export const HANDSHAKE_BYTES_MAX: number = 16 * 1024
