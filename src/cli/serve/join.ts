/** Requests what a joining node must know from a running cluster: its name and the addresses of its members. */
import { isRaftError, RaftError } from '../../errors.ts'
import type { ClientTlsFiles } from '../../peer-link/client-certificate-files.ts'
import type { SharedSecret } from '../../peer-link/secret-tls.ts'
import { withClient } from '../kv-client.ts'
import { firstRefusal, isRefusal } from '../status/collect-status.ts'

export interface JoinedCluster {
  readonly cluster: string
  readonly peers: Readonly<Record<string, string>>
}

const STATUS_TIMEOUT_MS = 5000

/** Takes the newest membership that any endpoint reports. Rejects with ERR_RAFT_UNREACHABLE if none responds, or with the reason of one that refuses. */
export async function clusterAt(
  endpoints: readonly string[],
  tls?: ClientTlsFiles | SharedSecret,
): Promise<JoinedCluster> {
  return withClient({ endpoints, tls, timeoutMs: STATUS_TIMEOUT_MS }, async ({ raftClient }) => {
    const answers = await raftClient.status()
    const statuses = answers.flatMap((each) => ('status' in each ? [each.status] : []))
    const newest = statuses.reduce(
      (best, each) => (best === undefined || each.membershipIndex > best.membershipIndex ? each : best),
      statuses[0],
    )
    if (newest === undefined) throw firstRefusal(answers) ?? noClusterError(endpoints)
    const { clusterId, membership, moved } = newest
    // A member that answers knows where it is; of the others, the one with the newest membership knows best.
    const found = new Map([...moved, ...statuses].map(({ id, address }) => [id, address]))
    const peers = membership.members.map(({ id, address }) => [id, found.get(id) ?? address] as const)
    return { cluster: clusterId, peers: Object.fromEntries(peers) }
  })
}

/**
 * The same as clusterAt, except that it resolves without peers if no endpoint responds, or all refuse, and `cluster` is given: a node that
 * joined earlier has the membership in its data directory, and can start while all others are down.
 */
export async function clusterToJoin(
  endpoints: readonly string[],
  { cluster, tls }: { readonly cluster: string | undefined; readonly tls?: ClientTlsFiles | SharedSecret | undefined },
): Promise<{ readonly cluster: string | undefined; readonly peers: Readonly<Record<string, string>> }> {
  try {
    const found = await clusterAt(endpoints, tls)
    return { cluster: cluster ?? found.cluster, peers: found.peers }
  } catch (error) {
    const hasNoAnswer = isRaftError(error, 'ERR_RAFT_UNREACHABLE') || (isRaftError(error) && isRefusal(error))
    if (!hasNoAnswer || cluster === undefined) throw error
    return { cluster, peers: {} }
  }
}

function noClusterError(endpoints: readonly string[]): RaftError {
  return new RaftError(
    'ERR_RAFT_UNREACHABLE',
    `no node responds at ${endpoints.join(', ')}: there is no cluster to join`,
    {
      hint: 'give --join nodes that are running; with --cluster NAME, a node that has joined before starts without them',
    },
  )
}
