/** Decides which peers may connect, and whether a refusal by a peer is fatal: clusters and data directories must not be mixed up. */
import type { PeerIdentity, Refusal } from '../../contracts/transport.ts'
import { PROTOCOL_MAX } from '../../contracts/transport.ts'
import type { Boot, NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { BootRelation } from './boots.ts'
import { compareBoots, isCopy } from './boots.ts'
import type { MembershipView } from './membership-view.ts'

/** The most peers whose directory is remembered; the least recently admitted one is forgotten first. */
const DIRECTORIES_MAX = 256

/** The refusals that prove that the directory of the refused node is not the current one. */
const COPY_CODES = ['ERR_RAFT_DIRECTORY_ROLLED_BACK', 'ERR_RAFT_DUPLICATE_DIRECTORY'] as const

export class PeerAdmission {
  readonly #identity: PeerIdentity
  readonly #membershipView: MembershipView
  /** By peer: its identity at its last handshake. */
  readonly #admitted = new Map<NodeId, PeerIdentity>()
  /** By directory id: which entries the directory has lost. */
  readonly #lost = new Map<string, string>()
  readonly #connected = new Set<NodeId>()
  readonly #replacedClusterId: string | undefined
  /** The machine version in force on this node. */
  readonly #machineVersion: () => number

  constructor(
    identity: PeerIdentity,
    membershipView: MembershipView,
    machineVersion: () => number,
    replacedClusterId?: string,
  ) {
    this.#identity = identity
    this.#machineVersion = machineVersion
    this.#replacedClusterId = replacedClusterId
    this.#membershipView = membershipView
  }

  get connected(): readonly NodeId[] {
    return [...this.#connected].sort()
  }

  /** The version of the protocol in use with each connected peer that has reported its newest. */
  get protocols(): readonly { readonly id: NodeId; readonly version: number }[] {
    return this.connected.flatMap((id) => {
      const protocol = this.#admitted.get(id)?.protocol
      return protocol === undefined ? [] : [{ id, version: Math.min(protocol, PROTOCOL_MAX) }]
    })
  }

  /** The newest machine version that each connected peer supports. */
  get machineVersions(): readonly { readonly id: NodeId; readonly supported: number }[] {
    return this.connected.map((id) => ({ id, supported: this.#admitted.get(id)?.machineVersion ?? 1 }))
  }

  /** The priority of a peer to lead, as it said at its last handshake. */
  priorityOf(peer: NodeId): number {
    return this.#admitted.get(peer)?.leaderPriority ?? 0
  }

  /** Whether a refusal keeps a member out, because of its data directory. Not while the member is connected: then another copy of it was refused. */
  keepsOut(peer: NodeId, { code }: Refusal): boolean {
    const isOfDirectory = code === 'ERR_RAFT_DIRECTORY_MISMATCH' || isCopyError({ code })
    return isOfDirectory && !this.#connected.has(peer) && this.#membershipView.member(peer) !== undefined
  }

  /** Non-members are admitted: they may know a newer membership, or must learn that they were removed. */
  admit(peer: PeerIdentity): Refusal | undefined {
    const refusal = this.#check(peer)
    if (refusal !== undefined) return refusal
    remember(this.#admitted, peer.nodeId, peer)
    return undefined
  }

  /** Returns the identity of the peer, whose directory and boot the core binds to the member. */
  onConnected(peer: NodeId): PeerIdentity | undefined {
    this.#connected.add(peer)
    return this.#admitted.get(peer)
  }

  /** The directory of the peer has lost entries that it acknowledged: it is refused from now on. */
  onEntriesLost(peer: NodeId, what: string): void {
    const directoryId = this.#admitted.get(peer)?.directoryId ?? ''
    if (directoryId !== '') remember(this.#lost, directoryId, what)
  }

  /** The connected peers that would be refused now: their last handshake contradicts what is known since. */
  get refusable(): readonly NodeId[] {
    return this.connected.filter((id) => {
      const peer = this.#admitted.get(id)
      return peer !== undefined && this.#copyRefusal(peer) !== undefined
    })
  }

  /** Why this node must stop, if the membership records a boot of its directory that this copy of the directory has never had. */
  get ownContradiction(): RaftError | undefined {
    const { nodeId, directoryId, boot } = this.#identity
    const own = this.#membershipView.member(nodeId)
    if (own?.directoryId !== directoryId) return undefined
    if (own.hasLostEntries === true)
      return this.#copyError(
        'ERR_RAFT_DIRECTORY_ROLLED_BACK',
        `this directory of ${nodeId} has lost entries that it acknowledged`,
      )
    if (own.boot === undefined || boot === undefined) return undefined
    const relation = compareBoots(own.boot, boot)
    if (!isCopy(relation)) return undefined
    const code = relation === 'older' ? COPY_CODES[0] : COPY_CODES[1]
    const what = `the log records boot ${own.boot.number} (${own.boot.id}) of the data directory of ${nodeId}`
    return this.#copyError(
      code,
      `${what}, and this copy of it, at boot ${boot.number} (${boot.id}), never had that boot`,
    )
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
    const copyCode = COPY_CODES.find((known) => known === code)
    if (copyCode !== undefined) return this.#refusedAsCopy(peer, copyCode, message)
    if (code === 'ERR_RAFT_CLUSTER_REPLACED') return this.#refusedAsReplaced(peer, message)
    if (code !== 'ERR_RAFT_DIRECTORY_MISMATCH') return undefined
    const own = this.#membershipView.member(this.#identity.nodeId)
    if (this.#membershipView.member(peer) === undefined || own === undefined) return undefined
    if (own.directoryId === this.#identity.directoryId || own.addedAt > 0) return undefined
    return new RaftError(code, `${peer} turned this node away: ${message}`, {
      hint: 'this data directory does not contain the votes of the old one: remove the member, and add it again with a new directory',
      details: { peer, directoryId: this.#identity.directoryId },
    })
  }

  /**
   * A boot that a member has seen is a fact, whatever else that member knows. A copy from before this node joined contains no members: then
   * the peer is one that it was started to join.
   */
  #refusedAsCopy(peer: NodeId, code: (typeof COPY_CODES)[number], message: string): RaftError | undefined {
    const { members } = this.#membershipView
    const isTrusted = members.length === 0 || this.#membershipView.member(peer) !== undefined
    return isTrusted ? this.#copyError(code, `${peer} refused this node: ${message}`) : undefined
  }

  /** Only a member of this cluster can have become the new one. */
  #refusedAsReplaced(peer: NodeId, message: string): RaftError | undefined {
    if (this.#membershipView.member(peer) === undefined) return undefined
    const { clusterId, nodeId } = this.#identity
    return new RaftError('ERR_RAFT_CLUSTER_REPLACED', `${peer} refused this node: ${message}`, {
      hint:
        `keep this data directory until it is certain that nothing in it is missed; to use the machine again, add ${nodeId} to the new cluster ` +
        'and start it with --join and a new --data-dir',
      details: { peer, clusterId },
    })
  }

  #check(peer: PeerIdentity): Refusal | undefined {
    const { clusterId, nodeId, directoryId } = this.#identity
    if (peer.clusterId !== clusterId && peer.clusterId === this.#replacedClusterId)
      return refusal(
        'ERR_RAFT_CLUSTER_REPLACED',
        `cluster ${peer.clusterId} was replaced by cluster ${clusterId}, which was made of the data of ${nodeId}`,
      )
    if (peer.clusterId !== clusterId)
      return refusal(
        'ERR_RAFT_CLUSTER_MISMATCH',
        `${peer.nodeId} belongs to cluster ${peer.clusterId}, ${nodeId} to cluster ${clusterId}`,
      )
    if (peer.nodeId === nodeId && peer.directoryId !== directoryId)
      return refusal('ERR_RAFT_DUPLICATE_NODE', `${nodeId} is already running with another data directory`)
    if (peer.nodeId === nodeId && peer.boot?.id !== this.#identity.boot?.id)
      return refusal(
        'ERR_RAFT_DUPLICATE_DIRECTORY',
        `${nodeId} is already running with another copy of this data directory`,
      )
    const boundDirectoryId = this.#membershipView.member(peer.nodeId)?.directoryId ?? ''
    if (boundDirectoryId !== '' && boundDirectoryId !== peer.directoryId)
      return refusal(
        'ERR_RAFT_DIRECTORY_MISMATCH',
        `${peer.nodeId} came with another disk (${peer.directoryId}, its membership says ${boundDirectoryId}) and may have forgotten its votes`,
      )
    return this.#copyRefusal(peer) ?? this.#machineRefusal(peer)
  }

  /** What has been in the log since the version was raised, the machine of the peer may not know. */
  #machineRefusal({ nodeId, machineVersion: supported = 1 }: PeerIdentity): Refusal | undefined {
    const inForce = this.#machineVersion()
    if (supported >= inForce) return undefined
    return refusal(
      'ERR_RAFT_MACHINE_TOO_OLD',
      `machine version ${inForce} is in force in this cluster, and the state machine of ${nodeId} supports ${supported} at most`,
    )
  }

  /** Refuses a directory that is certainly not the only or not the current copy. */
  #copyRefusal({ nodeId, directoryId, boot }: PeerIdentity): Refusal | undefined {
    const member = this.#membershipView.member(nodeId)
    const recorded = member?.directoryId === directoryId ? member : undefined
    const lost = this.#lost.get(directoryId) ?? (recorded?.hasLostEntries === true ? 'entries' : undefined)
    if (lost !== undefined)
      return refusal(
        'ERR_RAFT_DIRECTORY_ROLLED_BACK',
        `the data directory of ${nodeId} has lost ${lost} that it acknowledged`,
      )
    if (boot === undefined) return undefined
    const admitted = this.#admitted.get(nodeId)
    const seen = admitted?.directoryId === directoryId ? admitted.boot : undefined
    for (const known of [recorded?.boot, seen]) {
      const relation = known === undefined ? 'same' : compareBoots(known, boot)
      if (known !== undefined && isCopy(relation)) return this.#refusalOf(nodeId, known, boot, relation)
    }
    return undefined
  }

  #copyError(code: (typeof COPY_CODES)[number], message: string): RaftError {
    const { nodeId, directoryId } = this.#identity
    const address = this.#membershipView.addressOf(nodeId) ?? 'ADDRESS'
    const replace =
      `replace the member: quorate member remove ${nodeId} --yes; quorate member add ${nodeId} ${address}; then start ` +
      `${nodeId} with --join and a new --data-dir (this one cannot be used again)`
    const isOtherInUse = code === 'ERR_RAFT_DUPLICATE_DIRECTORY'
    const hint = isOtherInUse
      ? `if the other process with this directory is to stay, delete this copy and do nothing else; if it has stopped too, ${replace}`
      : replace
    return new RaftError(code, message, { hint, details: { directoryId } })
  }

  #refusalOf(nodeId: NodeId, known: Boot, boot: Boot, relation: BootRelation): Refusal {
    const own = this.#identity.nodeId
    const came = `${nodeId} came with boot ${boot.number} (${boot.id}) of its data directory`
    const seen = `${own} has seen boot ${known.number} (${known.id}) of it`
    if (this.#connected.has(nodeId) && this.#admitted.get(nodeId)?.boot?.id !== boot.id)
      return refusal('ERR_RAFT_DUPLICATE_DIRECTORY', `${came}, while another copy of it is connected: ${seen}`)
    const what = relation === 'older' ? 'this is an older copy' : 'this is another copy, made before'
    return refusal(
      'ERR_RAFT_DIRECTORY_ROLLED_BACK',
      `${came}, but ${seen}: ${what}, which may have forgotten votes and entries`,
    )
  }
}

/** Sets an entry, and drops the one that was set the longest ago if there are too many. */
function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key)
  const [oldest] = map.keys()
  if (oldest !== undefined && map.size >= DIRECTORIES_MAX) map.delete(oldest)
  map.set(key, value)
}

/** Whether the data directory of a node that fails with this error must never be opened again. */
export function isCopyError({ code }: { readonly code: string }): boolean {
  return COPY_CODES.some((known) => known === code)
}

function refusal(code: string, message: string): Refusal {
  return { code, message }
}
