/** The test kit in a browser: what needs no files, child processes, assertions of Node.js or fast-check. package.json selects it with the condition `browser`. */

export { properties } from './properties/properties.ts'
export { PropertyViolation } from './properties/property.ts'
export { checkRecording } from './recordings/check-recording.ts'
export { replayRun } from './run-files/replay-run.ts'
export { scenario } from './scenario.ts'
export type { SimulationOptions, SimulationResult } from './simulate.ts'
export { simulate } from './simulate.ts'
export { LEADER } from './simulation/workload.ts'
export { machineUnderTest } from './state-machine/machine-under-test.ts'
