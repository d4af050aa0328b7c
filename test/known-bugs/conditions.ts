/** Networks, faults and options under which some bugs show sooner than in purely generated runs. */
import type { RaftOptions } from '../../src/core/options.ts'
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import type { Fault, FaultPlan } from '../../src/testing/simulation/faults.ts'
import type { ClusterPlan, Workload } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'

export const THREE_VOTERS: ClusterPlan = { voters: 3, spares: 0 }
export const FIVE_VOTERS: ClusterPlan = { voters: 5, spares: 0 }

/** The generated calls without membership changes. */
export function withoutMembershipChanges({ workload }: RunPlan): Workload {
  return workload.filter(({ type }) => type !== 'change')
}

/** The generated faults without those that change who should lead, or which release a node runs. */
export function withoutRollouts({ faults }: RunPlan): FaultPlan {
  return faults.filter(({ type }) => type !== 'upgrade' && type !== 'prefer')
}

/** The generated faults of the network only. */
export function networkFaultsOf({ faults }: RunPlan): FaultPlan {
  return faults.filter(({ type }) => type === 'partition' || type === 'networkConditions')
}

/** The generated faults without those that take a disk back to an older copy, or run it twice. */
export function withoutOlderDisks({ faults }: RunPlan): FaultPlan {
  return faults.filter(({ type }) => type !== 'rollBackDisk' && type !== 'cloneDisk')
}

/** The generated faults, with these network conditions instead of the generated ones. */
export function withNetworkConditions(conditions: Fault, { faults }: RunPlan): FaultPlan {
  return [conditions, ...faults.filter(({ type }) => type !== 'networkConditions')]
}

/** One node after the other loses power and restarts at once. */
export const REPEATED_CRASHES: FaultPlan = Array.from({ length: 120 }, (_, number) => ({
  type: 'crash',
  atMs: 150 + 20 * number,
  node: 3 * number,
  isHard: true,
  forMs: 1,
}))

/** The disk of one node after the other goes back to an older copy. */
export const REPEATED_ROLLBACKS: FaultPlan = Array.from({ length: 3 }, (_, node) => ({
  type: 'rollBackDisk',
  atMs: 1000 + 700 * node,
  node,
  ageMs: 300,
}))

/** Messages are delayed and reordered, and some are delivered a second time much later. */
export const LATE_MESSAGES: Fault & { readonly type: 'networkConditions' } = {
  type: 'networkConditions',
  atMs: 0,
  forMs: 4000,
  conditions: {
    delayMinUs: 200,
    delayMaxUs: 100_000,
    lossPerMille: 50,
    duplicatePerMille: 200,
    slowPerMille: 20,
    stalePerMille: 50,
    isOrdered: false,
  },
}

/** As LATE_MESSAGES, and three in ten messages arrive after one or two more elections. */
export const VERY_LATE_MESSAGES: Fault = {
  ...LATE_MESSAGES,
  conditions: { ...LATE_MESSAGES.conditions, slowPerMille: 300 },
}

/** No pre-vote, and election timeouts so close together that several nodes campaign at once. */
export const FREQUENT_ELECTIONS: Partial<RaftOptions> = { preVote: false, electionTimeoutMaxMs: 240 }

/** Isolates the current leader every 500 ms, for long enough that the others elect another one. */
export const REPEATED_LEADER_ISOLATION: FaultPlan = Array.from({ length: 7 }, (_, number) => ({
  type: 'partition',
  atMs: 300 + 500 * number,
  side: [LEADER],
  forMs: 450,
}))
