/** A cluster that is whole again: everybody runs, follows one leader, votes, and knows what was committed. */
import { eventually } from '../cluster/eventually.ts'
import type { FaultContext } from './fault-context.ts'
import { describeExit, RECOVERY_TIMEOUT_MS, UnexpectedOutcome } from './fault-context.ts'

/** Another process was faster at the port, or an earlier life has not let go of the directory yet: starting again helps. */
const EXIT_TRY_AGAIN = 75

/** Resolves once it is; a node that ended without being told to, or a cluster that does not recover, is a finding. */
export async function awaitRecovery({ cluster, say, signal }: FaultContext): Promise<void> {
  let goal = 0
  const attempt = async (): Promise<true | undefined> => {
    signal.throwIfAborted()
    for (const id of cluster.ids) {
      if (cluster.isRunning(id)) continue
      const ended = await cluster.exitOf(id)
      if (ended.exitCode !== EXIT_TRY_AGAIN)
        throw new UnexpectedOutcome(`nobody has told it to, but ${describeExit(id, ended)}`)
      say(`start ${id} again: ${ended.stderr}`)
      cluster.start(id)
    }
    const statuses = await cluster.statuses()
    goal ||= Math.max(0, ...statuses.map(({ commitIndex }) => commitIndex))
    const [first] = statuses
    if (first?.leader === undefined || statuses.length < cluster.ids.length) return undefined
    const hasRecovered = statuses.every(
      ({ leader, appliedIndex, membership }) =>
        leader === first.leader &&
        appliedIndex >= goal &&
        membership.outgoing.length === 0 &&
        [...membership.voters].sort().join() === [...cluster.ids].sort().join(),
    )
    return hasRecovered ? true : undefined
  }
  await eventually('whole cluster', attempt, RECOVERY_TIMEOUT_MS).catch((error: unknown) => {
    if (error instanceof UnexpectedOutcome || signal.aborted) throw error
    throw new UnexpectedOutcome(`the cluster has not recovered: ${(error as Error).message}`)
  })
}
