/** Waits until the cluster has recovered: all nodes run, are voters, follow one leader and have applied the committed entries. */
import { eventually } from '../cluster/eventually.ts'
import type { FaultContext } from './fault-context.ts'
import { describeExit, RECOVERY_TIMEOUT_MS, UnexpectedOutcome } from './fault-context.ts'

/** The exit code of a node whose port or directory is still in use; a restart may succeed. */
const EXIT_TRY_AGAIN = 75

/** Rejects with an UnexpectedOutcome if a node exits on its own, or if the cluster does not recover in time. */
export async function awaitRecovery({ cluster, log, signal }: FaultContext): Promise<void> {
  let goal = 0
  const attempt = async (): Promise<true | undefined> => {
    signal.throwIfAborted()
    for (const id of cluster.ids) {
      if (cluster.isRunning(id)) continue
      const exit = await cluster.exitOf(id)
      if (exit.exitCode !== EXIT_TRY_AGAIN)
        throw new UnexpectedOutcome(`${describeExit(id, exit)}, although no fault stopped it`)
      log(`start ${id} again: ${exit.stderr}`)
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
  await eventually('recovery of the cluster', attempt, RECOVERY_TIMEOUT_MS).catch((error: unknown) => {
    if (error instanceof UnexpectedOutcome || signal.aborted) throw error
    throw new UnexpectedOutcome(`the cluster has not recovered: ${(error as Error).message}`)
  })
}
