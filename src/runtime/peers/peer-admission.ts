/** Who may speak to this node, and what it means when another does not let this one speak: clusters and disks must not be mixed up. */
import type { PeerIdentity, Refusal } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { MembershipView } from './membership-view.ts'

/** Peers remembered by what they showed at their handshake; the one longest ago is forgotten first. */
const DIRECTORY_IDS_MAX = 256

export class PeerAdmission {
  readonly #identity: PeerIdentity
  readonly #membershipView: MembershipView
  /** The directory each peer showed when it was last admitted. */
  readonly #directoryIds = new Map<NodeId, string>()
  readonly #connected = new Set<NodeId>()

  constructor(identity: PeerIdentity, membershipView: MembershipView) {
    this.#identity = identity
    this.#membershipView = membershipView
  }

  get connected(): readonly NodeId[] {
    return [...this.#connected].sort()
  }

  /** At each handshake. Whoever is no member is let in: it may know of a newer membership, or has to hear that it was removed. */
  admit(peer: PeerIdentity): Refusal | undefined {
    const refusal = this.#check(peer)
    if (refusal !== undefined) return refusal
    const [oldest] = this.#directoryIds.keys()
    if (oldest !== undefined && this.#directoryIds.size >= DIRECTORY_IDS_MAX) this.#directoryIds.delete(oldest)
    this.#directoryIds.delete(peer.nodeId)
    this.#directoryIds.set(peer.nodeId, peer.directoryId)
    return undefined
  }

  /** Returns the directory to bind the peer's membership to. */
  onConnected(peer: NodeId): string {
    this.#connected.add(peer)
    return this.#directoryIds.get(peer) ?? ''
  }

  onLost(peer: NodeId): void {
    this.#connected.delete(peer)
  }

  /**
   * A peer has turned this node away. Fatal only if it is known to be right: it is a member, it knows another disk by our name, and the
   * membership we have does not say that the disk is this one. (If it does, the peer has not yet heard of a replacement.)
   */
  refusedBy(peer: NodeId, { code, message }: Refusal): RaftError | undefined {
    if (code !== 'ERR_RAFT_DIRECTORY_MISMATCH') return undefined
    const own = this.#membershipView.member(this.#identity.nodeId)
    if (this.#membershipView.member(peer) === undefined || own === undefined) return undefined
    if (own.directoryId === this.#identity.directoryId || own.addedAt > 0) return undefined
    return new RaftError(code, `${peer} turned this node away: ${message}`, {
      hint: 'this data directory has forgotten what the old one promised: remove the member, and add it again with a new directory',
      details: { peer, directoryId: this.#identity.directoryId },
    })
  }

  #check(peer: PeerIdentity): Refusal | undefined {
    const { clusterId, nodeId, directoryId } = this.#identity
    if (peer.clusterId !== clusterId)
      return refusal(
        'ERR_RAFT_CLUSTER_MISMATCH',
        `${peer.nodeId} belongs to cluster ${peer.clusterId}, ${nodeId} to cluster ${clusterId}`,
      )
    if (peer.nodeId === nodeId && peer.directoryId !== directoryId)
      return refusal('ERR_RAFT_DUPLICATE_NODE', `there is a ${nodeId} already, with another data directory`)
    const boundDirectoryId = this.#membershipView.member(peer.nodeId)?.directoryId ?? ''
    if (boundDirectoryId !== '' && boundDirectoryId !== peer.directoryId)
      return refusal(
        'ERR_RAFT_DIRECTORY_MISMATCH',
        `${peer.nodeId} came with another disk (${peer.directoryId}, its membership says ${boundDirectoryId}) and may have forgotten its votes`,
      )
    return undefined
  }
}

function refusal(code: string, message: string): Refusal {
  return { code, message }
}
