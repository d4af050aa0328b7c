/** What an exhibit may need around it to show soon: bad networks, dying nodes, hasty elections. */
import type { RaftOptions } from '../../src/core/options.ts'
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import type { Fault, FaultPlan } from '../../src/testing/simulation/faults.ts'
import type { ClusterPlan, Workload } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'

export const THREE_VOTERS: ClusterPlan = { voters: 3, spares: 0 }
export const FIVE_VOTERS: ClusterPlan = { voters: 5, spares: 0 }

/** The drawn calls, but no changes of the membership. */
export function withoutMembershipChanges({ workload }: RunPlan): Workload {
  return workload.filter(({ type }) => type !== 'change')
}

/** The drawn faults, in this weather instead of theirs. */
export function withNetworkConditions(weather: Fault, { faults }: RunPlan): FaultPlan {
  return [weather, ...faults.filter(({ type }) => type !== 'weather')]
}

/** One node after the other dies and is back at once. */
export const REPEATED_CRASHES: FaultPlan = Array.from({ length: 120 }, (_, number) => ({
  type: 'crash',
  atMs: 150 + 20 * number,
  node: 3 * number,
  isHard: true,
  forMs: 1,
}))

/** Messages are late and out of order, and some come once more much later. */
export const LATE_MESSAGES: Fault & { readonly type: 'weather' } = {
  type: 'weather',
  atMs: 0,
  forMs: 4000,
  weather: {
    delayMinUs: 200,
    delayMaxUs: 100_000,
    lossPerMille: 50,
    duplicatePerMille: 200,
    slowPerMille: 20,
    stalePerMille: 50,
    isOrdered: false,
  },
}

/** A third of them so late that an election or two has passed meanwhile. */
export const VERY_LATE_MESSAGES: Fault = { ...LATE_MESSAGES, weather: { ...LATE_MESSAGES.weather, slowPerMille: 300 } }

/** Nobody asks before he campaigns, and many campaign at once. */
export const FREQUENT_ELECTIONS: Partial<RaftOptions> = { preVote: false, electionTimeoutMaxMs: 240 }

/** Whoever leads is cut off from the others again and again, for long enough that they have another. */
export const REPEATED_LEADER_ISOLATION: FaultPlan = Array.from({ length: 7 }, (_, number) => ({
  type: 'partition',
  atMs: 300 + 500 * number,
  side: [LEADER],
  forMs: 450,
}))
