/** The calls that a transport makes to its host. */
import type { PeerIdentity, PeerMessage, Refusal } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'

export type HostCall =
  | { readonly type: 'admit'; readonly peer: PeerIdentity }
  | { readonly type: 'receive'; readonly from: NodeId; readonly message: PeerMessage }
  | { readonly type: 'peerConnected'; readonly peer: NodeId }
  | { readonly type: 'peerReached'; readonly peer: NodeId; readonly address: string | undefined }
  | { readonly type: 'condition'; readonly code: string; readonly message: string | undefined }
  | { readonly type: 'peerLost'; readonly peer: NodeId; readonly reason: string }
  | { readonly type: 'refusedBy'; readonly peer: NodeId; readonly refusal: Refusal }

/** A call to a host as the end of a sentence about its node. */
export function describeCall(call: HostCall): string {
  switch (call.type) {
    case 'admit':
      return `was asked to admit ${call.peer.nodeId}`
    case 'receive':
      return `received ${call.message.type} from ${call.from}`
    case 'peerConnected':
      return `reported a link to ${call.peer}`
    case 'peerReached':
      return `reported that ${call.peer} is ${call.address === undefined ? 'out of reach' : `at ${call.address}`}`
    case 'condition':
      return `reported ${call.code}: ${call.message ?? 'ended'}`
    case 'peerLost':
      return `reported the loss of its link to ${call.peer}: ${call.reason}`
    case 'refusedBy':
      return `reported that ${call.peer} refuses it: ${call.refusal.code}, ${call.refusal.message}`
  }
}
