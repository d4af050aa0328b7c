/** The parts of the simulator that the known bugs run in: the entry point of every mutant. */

export { runPlans } from '../../src/testing/arbitraries/plans.ts'
export { checkRuns } from '../../src/testing/check-runs.ts'
export { checkLiveness, currentLeaders } from '../../src/testing/properties/liveness.ts'
export { PropertyViolation } from '../../src/testing/properties/property.ts'
export { replayRun } from '../../src/testing/run-files/replay-run.ts'
export { simulate } from '../../src/testing/simulate.ts'
export { Clients } from '../../src/testing/simulation/clients.ts'
export { Cluster } from '../../src/testing/simulation/cluster.ts'
