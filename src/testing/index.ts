/**
 * `quorate/testing`: simulate clusters, check state machines, and test your own storage or transport.
 *
 * @module
 */

// Check your own state machine, storage or transport.

export type { StateMachineTotals } from './check-state-machine.ts'
export { checkStateMachine, replayStateMachine } from './check-state-machine.ts'
export type { StorageContractOptions, StorageFixture } from './contracts/storage-contract.ts'
export { storageContract } from './contracts/storage-contract.ts'
export type {
  ProxiedTransports,
  ProxiedTransportsOptions,
  TransportLimits,
} from './contracts/transport/proxied-transports.ts'
export { proxiedTransports } from './contracts/transport/proxied-transports.ts'
export type { TransportContractOptions, TransportFixture } from './contracts/transport-contract.ts'
export { transportContract } from './contracts/transport-contract.ts'
export type { Crash, FaultyFiles } from './disk/faulty-files.ts'
export { PowerCutDirectory } from './disk/power-cut-directory.ts'
export type { PipeCondition } from './network/pipe.ts'
export type { ProxiedConnection, ProxyDirection, TcpProxyOptions } from './network/tcp-proxy.ts'
export { TcpProxy } from './network/tcp-proxy.ts'

// Simulate one run of a cluster: a plan of calls and faults, and a seed.

export type { SimulationOptions, SimulationResult } from './simulate.ts'
export { simulate } from './simulate.ts'
export type { Fault, FaultPlan } from './simulation/faults.ts'
export type { Interceptors } from './simulation/interceptors.ts'
export type { NetworkConditions } from './simulation/network-conditions.ts'
export type { SimulationStep, StepObserver } from './simulation/step-observer.ts'
export type { Call, ClusterPlan, Workload } from './simulation/workload.ts'
export { LEADER } from './simulation/workload.ts'
export type { DiskState, MachineState, NodeState, WorldState } from './simulation/world-state.ts'
export type { StateMachineCheck } from './state-machine/check-options.ts'
export type { CommandCoverage, CoverageOptions, StateMachineCoverage } from './state-machine/coverage.ts'
export type { GuardedKind } from './state-machine/forbidden-call.ts'
export type { ReferenceModel } from './state-machine/machine-harness.ts'
export type { CheckedMachine, MachineUnderTest, MachineUnderTestOptions } from './state-machine/machine-under-test.ts'
export { machineUnderTest } from './state-machine/machine-under-test.ts'

// Check many random runs.

export type { RunPlan } from './arbitraries/plans.ts'
export { clusters, faultPlans, runPlans, settings, workloads } from './arbitraries/plans.ts'
export { scenarios } from './arbitraries/scenarios.ts'
export type { CheckRunsOptions, CheckRunsTotals } from './check-runs.ts'
export { checkRuns } from './check-runs.ts'

// Choose or write the properties that runs are checked for.

export type { ClusterView, CommittedLog, NodeView } from './properties/cluster-view.ts'
export type { MachineTexts } from './properties/machine-texts.ts'
export type { DurableWrite, Observation } from './properties/observation.ts'
export { properties } from './properties/properties.ts'
export type { Property, PropertyCheck, ViolationDetail } from './properties/property.ts'
export { PropertyViolation } from './properties/property.ts'

// Replay run files and scenarios, and check recordings.

export type { StorageCapability } from './contracts/storage/capabilities.ts'
export type { Damage } from './contracts/storage/samples.ts'
export type { TransportCapability } from './contracts/transport/capabilities.ts'
export type { Survivors } from './disk/unsynced-data.ts'
export type { FileWatcher, WatchedFile } from './disk/watched-files.ts'
export type { PropertyName } from './properties/properties.ts'
export type { RecordingVerdict } from './recordings/check-recording.ts'
export { checkRecording } from './recordings/check-recording.ts'
export type { ReplayOptions, ReplayResult } from './run-files/replay-run.ts'
export { replayRun } from './run-files/replay-run.ts'
export type { Outcome } from './run-files/run-file.ts'
export { scenario } from './scenario.ts'
export type { DamagedPart } from './simulation/damage.ts'
export type { NetworkState } from './simulation/simulated-network.ts'
export type { SnapshotFileState } from './simulation/world-state.ts'
export type { MachineModule } from './state-machine/child-process.ts'
export type { HistoryVerdicts } from './state-machine/machine-linearizability.ts'
