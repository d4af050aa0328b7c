/** A cluster that is whole again: everybody runs, follows one leader, votes, and knows what was committed. */
import { eventually } from '../cluster/waiting.ts'
import type { Stage } from './stage.ts'
import { endedHow, Finding, PATIENCE_MS } from './stage.ts'

/** Another process was faster at the port, or an earlier life has not let go of the directory yet: starting again helps. */
const TRY_AGAIN = 75

/** Resolves once it is; a node that ended without being told to, or a cluster that does not recover, is a finding. */
export async function whole({ cluster, say, signal }: Stage): Promise<void> {
  let goal = 0
  const attempt = async (): Promise<true | undefined> => {
    signal.throwIfAborted()
    for (const id of cluster.ids) {
      if (cluster.isRunning(id)) continue
      const ended = await cluster.ended(id)
      if (ended.exitCode !== TRY_AGAIN) throw new Finding(`nobody has told it to, but ${endedHow(id, ended)}`)
      say(`start ${id} again: ${ended.stderr}`)
      cluster.start(id)
    }
    const statuses = await cluster.statuses()
    goal ||= Math.max(0, ...statuses.map(({ commitIndex }) => commitIndex))
    const [first] = statuses
    if (first?.leader === undefined || statuses.length < cluster.ids.length) return undefined
    const isWhole = statuses.every(
      ({ leader, appliedIndex, membership }) =>
        leader === first.leader &&
        appliedIndex >= goal &&
        membership.outgoing.length === 0 &&
        [...membership.voters].sort().join() === [...cluster.ids].sort().join(),
    )
    return isWhole ? true : undefined
  }
  await eventually('whole cluster', attempt, PATIENCE_MS).catch((error: unknown) => {
    if (error instanceof Finding || signal.aborted) throw error
    throw new Finding(`the cluster has not recovered: ${(error as Error).message}`)
  })
}
