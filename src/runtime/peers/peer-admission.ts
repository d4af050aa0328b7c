/** Decides which peers may connect, and whether a refusal by a peer is fatal: clusters and data directories must not be mixed up. */
import type { PeerIdentity, Refusal } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { MembershipView } from './membership-view.ts'

/** The most peers whose directory id is remembered; the least recently admitted one is forgotten first. */
const DIRECTORY_IDS_MAX = 256

export class PeerAdmission {
  readonly #identity: PeerIdentity
  readonly #membershipView: MembershipView
  /** By peer: its directory id at its last handshake. */
  readonly #directoryIds = new Map<NodeId, string>()
  readonly #connected = new Set<NodeId>()

  constructor(identity: PeerIdentity, membershipView: MembershipView) {
    this.#identity = identity
    this.#membershipView = membershipView
  }

  get connected(): readonly NodeId[] {
    return [...this.#connected].sort()
  }

  /** Non-members are admitted: they may know a newer membership, or must learn that they were removed. */
  admit(peer: PeerIdentity): Refusal | undefined {
    const refusal = this.#check(peer)
    if (refusal !== undefined) return refusal
    const [oldest] = this.#directoryIds.keys()
    if (oldest !== undefined && this.#directoryIds.size >= DIRECTORY_IDS_MAX) this.#directoryIds.delete(oldest)
    this.#directoryIds.delete(peer.nodeId)
    this.#directoryIds.set(peer.nodeId, peer.directoryId)
    return undefined
  }

  /** Returns the directory id of the peer, which the core binds to the member. */
  onConnected(peer: NodeId): string {
    this.#connected.add(peer)
    return this.#directoryIds.get(peer) ?? ''
  }

  onLost(peer: NodeId): void {
    this.#connected.delete(peer)
  }

  /**
   * A peer refused this node. Returns an error if this node must stop: the peer is a member and knows another data directory under
   * this node's id, and the membership of this node does not contradict it. (If it does, the peer does not know yet that this node
   * was replaced.) The message is part of `status.stopped`.
   */
  refusedBy(peer: NodeId, { code, message }: Refusal): RaftError | undefined {
    if (code !== 'ERR_RAFT_DIRECTORY_MISMATCH') return undefined
    const own = this.#membershipView.member(this.#identity.nodeId)
    if (this.#membershipView.member(peer) === undefined || own === undefined) return undefined
    if (own.directoryId === this.#identity.directoryId || own.addedAt > 0) return undefined
    return new RaftError(code, `${peer} turned this node away: ${message}`, {
      hint: 'this data directory does not contain the votes of the old one: remove the member, and add it again with a new directory',
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
      return refusal('ERR_RAFT_DUPLICATE_NODE', `${nodeId} is already running with another data directory`)
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
