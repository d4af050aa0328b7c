/** Answers of the nodes of a cluster of three, as `Status` gives them, for the tests of what the command prints. */
import type { StatusAnswer } from '../../src/cli/status/status-report.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import type { PeerStatus } from '../../src/core/status.ts'
import type { Membership } from '../../src/core/types.ts'

export const IDS: readonly string[] = ['n1', 'n2', 'n3']

export const MEMBERSHIP: Membership = { members: IDS.map(member), voters: [...IDS], outgoing: [], learners: [] }

export function member(id: string): Membership['members'][number] {
  return { id, address: `127.0.0.1:700${id.slice(1)}`, directoryId: 'd', addedAt: 0, promote: false }
}

/** A follower of n1 in term 7 with a log of 10,000 entries, all applied, except for the given changes. */
export function status(id: string, changes: Partial<NodeStatus> = {}): NodeStatus {
  return {
    id,
    role: 'follower',
    term: 7,
    leader: 'n1',
    votedFor: undefined,
    firstIndex: 1,
    lastIndex: 10_000,
    lastTerm: 7,
    persistedIndex: 10_000,
    commitIndex: 10_000,
    appliedIndex: 10_000,
    alarms: [],
    snapshotIndex: 0,
    logBytes: 0,
    membership: MEMBERSHIP,
    membershipIndex: 1,
    isMembershipCommitted: true,
    isTransferring: false,
    isRemoved: false,
    stopped: undefined,
    peers: [],
    clusterId: 'kv-demo',
    directoryId: 'd',
    address: member(id).address,
    leaderAddress: undefined,
    version: '0.1.0',
    loopDelayMs: 3.2,
    freeBytes: 71.3e9,
    storage: 'segments',
    peerTransport: 'tcp',
    pendingProposals: 0,
    connected: IDS.filter((each) => each !== id),
    moved: [],
    ...changes,
  }
}

/** What a leader says of a follower that has its whole log. */
export function peer(id: string, changes: Partial<PeerStatus> = {}): PeerStatus {
  return {
    id,
    state: 'replicate',
    matchIndex: 10_000,
    nextIndex: 10_001,
    inflightMessages: 0,
    inflightBytes: 0,
    applyLag: 0,
    silentMs: 20,
    responseMs: 5,
    isReplicating: true,
    hasLostEntries: false,
    ...changes,
  }
}

export function answered(one: NodeStatus): StatusAnswer {
  return { address: one.address, status: one }
}

export function down(id: string, problem = 'refused'): StatusAnswer {
  return { address: member(id).address, problem }
}
