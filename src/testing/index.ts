/**
 * `quorate/testing`: simulate clusters, check state machines, and test your own storage or transport.
 *
 * @module
 */

// Check your own state machine.

export type { StateMachineTotals } from './check-state-machine.ts'
export { checkStateMachine, replayStateMachine } from './check-state-machine.ts'
export type { StateMachineCheck } from './state-machine/check-options.ts'
export type { MachineModule } from './state-machine/child-process.ts'
export type { CommandCoverage, CoverageOptions, StateMachineCoverage } from './state-machine/coverage.ts'
export type { GuardedKind } from './state-machine/forbidden-call.ts'
export type { ReferenceModel } from './state-machine/machine-harness.ts'
export type { HistoryVerdicts } from './state-machine/machine-linearizability.ts'

// Check your own storage, with a file system that loses power.

export type { StorageCapability } from './contracts/storage/capabilities.ts'
export type { Damage } from './contracts/storage/samples.ts'
export type { StorageContractOptions, StorageFixture } from './contracts/storage-contract.ts'
export { storageContract } from './contracts/storage-contract.ts'
export type { Crash, FaultyFiles } from './disk/faulty-files.ts'
export { PowerCutDirectory } from './disk/power-cut-directory.ts'
export type { Survivors } from './disk/unsynced-data.ts'
export type { FileWatcher, WatchedFile } from './disk/watched-files.ts'

// Check your own transport, with connections that are cut, delayed and stalled.

export type { TransportCapability } from './contracts/transport/capabilities.ts'
export type {
  ProxiedTransports,
  ProxiedTransportsOptions,
  TransportLimits,
} from './contracts/transport/proxied-transports.ts'
export { proxiedTransports } from './contracts/transport/proxied-transports.ts'
export type { TransportContractOptions, TransportFixture } from './contracts/transport-contract.ts'
export { transportContract } from './contracts/transport-contract.ts'
export type { PipeCondition } from './network/pipe.ts'
export type { ProxiedConnection, ProxyDirection, TcpProxyOptions } from './network/tcp-proxy.ts'
export { TcpProxy } from './network/tcp-proxy.ts'

// Simulate one run of a cluster: a plan of calls and faults, and a seed.

export type { SimulationOptions, SimulationResult } from './simulate.ts'
export { simulate } from './simulate.ts'
export type { Fault, FaultPlan } from './simulation/faults.ts'
export type { Interceptors } from './simulation/interceptors.ts'
export type { NetworkConditions } from './simulation/network-conditions.ts'
export type { Call, ClusterPlan, Workload } from './simulation/workload.ts'
export { LEADER } from './simulation/workload.ts'

// With your state machine in it.

export type { MachineTexts } from './properties/machine-texts.ts'
export type { CheckedMachine, MachineUnderTest, MachineUnderTestOptions } from './state-machine/machine-under-test.ts'
export { machineUnderTest } from './state-machine/machine-under-test.ts'

// Look at its state after each event.

export type { DamagedPart } from './simulation/damage.ts'
export type { NetworkState } from './simulation/simulated-network.ts'
export type { SimulationStep, StepObserver } from './simulation/step-observer.ts'
export type { DiskState, MachineState, NodeState, SnapshotFileState, WorldState } from './simulation/world-state.ts'

// Check many random runs.

export type { RunPlan } from './arbitraries/plans.ts'
export { clusters, faultPlans, runPlans, settings, workloads } from './arbitraries/plans.ts'
export type { CheckRunsOptions, CheckRunsTotals } from './check-runs.ts'
export { checkRuns } from './check-runs.ts'

// Choose or write the properties that runs are checked for.

export type { ClusterView, CommittedLog, NodeView } from './properties/cluster-view.ts'
export type { DurableWrite, Observation } from './properties/observation.ts'
export type { PropertyName } from './properties/properties.ts'
export { properties } from './properties/properties.ts'
export type { Property, PropertyCheck, ViolationDetail } from './properties/property.ts'
export { PropertyViolation } from './properties/property.ts'

// Replay the file of a failed run, and check the recording of a cluster.

export type { RecordingVerdict } from './recordings/check-recording.ts'
export { checkRecording } from './recordings/check-recording.ts'
export type { ReplayOptions, ReplayResult } from './run-files/replay-run.ts'
export { replayRun } from './run-files/replay-run.ts'
export type { Outcome } from './run-files/run-file.ts'

// Drive bare cores by a script.

export { scenarios } from './arbitraries/scenarios.ts'
export { scenario } from './scenario.ts'
