/** The bugs that checkStateMachine must detect in a job queue by applying logs to machines alone, and what it must say. */
import type { StateMachineCheck } from '../../src/testing/state-machine/check-options.ts'
import { type Command, commands, JobQueue, type Result } from './job-queue.ts'
import {
  CapturedClock,
  CapturedClockInRestore,
  CapturedClockInResults,
  CapturedPerformance,
  CapturedRandom,
  KeepsHiddenLocks,
  KeepsIndex,
  KeepsJobs,
  KeepsLocks,
  KeepsReady,
  KeepsSnapshot,
  LosesLastId,
  ModuleCache,
  ModuleCacheOfAll,
  ModuleIds,
  ModuleState,
  OmitsLastId,
  OrderDiffers,
  TiesDiffer,
  TwoOwners,
  WrongOwner,
} from './planted-bugs.ts'
import {
  ReadsEnvironment,
  ReadsFile,
  ReadsHostName,
  ReadsProcessId,
  RunsProcess,
  SendsRequest,
  SetsTimer,
} from './planted-calls.ts'

/** A bug, and how it must be reported. */
export interface Planted {
  readonly bug: string
  readonly machine: new () => JobQueue
  readonly commandsMax: number
  readonly message: RegExp
  /** What the check needs besides: knowledge of locks, another process, calls that are not guarded, so that only their results show the bug. */
  readonly options?: Partial<StateMachineCheck<Command, Result, never, unknown, JobQueue>>
}

const KEPT = /^after command 0, a machine that had applied .* has a different snapshot, .* must discard the old state/
const CLOCK =
  /^[^\n]* They differ by the time that has passed: the machine reads a clock that was stored before the check/
const OUTSIDE = /^[^\n]* It depends on what other machines did before: keep all state in fields of the machine/

export function hasOneOwnerPerLock({ locks }: JobQueue): boolean {
  return [...locks.values()].every((owners) => owners.length === 1)
}

/** No clusters: each must be detected by applying logs to machines alone. */
export const CHECK = { commands, runs: 0 }

export const PLANTED: readonly Planted[] = [
  { bug: 'restore() keeps old locks', machine: KeepsLocks, commandsMax: 1, message: KEPT },
  { bug: 'restore() keeps old jobs', machine: KeepsJobs, commandsMax: 1, message: KEPT },
  { bug: 'restore() keeps the old list of waiting jobs', machine: KeepsReady, commandsMax: 1, message: KEPT },
  {
    bug: 'restore() keeps old locks that no snapshot contains',
    machine: KeepsHiddenLocks,
    commandsMax: 1,
    message:
      /^restored from the snapshot after command 0, a machine that had applied .* returns "taken" for command 1, but "locked"/,
  },
  {
    bug: 'restore() keeps an old index of the locks',
    machine: KeepsIndex,
    commandsMax: 1,
    message: /^restored from the snapshot after command 0, a machine that had applied .* returns "locked, 2 held"/,
  },
  {
    bug: 'restore() keeps the bytes of the last snapshot',
    machine: KeepsSnapshot,
    commandsMax: 2,
    message: /^after command \d, a machine that had applied .* must discard the old state/,
  },
  {
    bug: 'the order of jobs differs after a restore',
    machine: OrderDiffers,
    commandsMax: 5,
    message:
      /^restored from the snapshot after command 4, the machine returns .* for command 5, but .* without a restart/,
  },
  {
    bug: 'the order of jobs with the same priority differs after a restore',
    machine: TiesDiffer,
    commandsMax: 5,
    message:
      /^restored from the snapshot after command 4, the machine returns .* for command 5, but .* without a restart/,
  },
  {
    bug: 'the last id is not in the snapshot',
    machine: OmitsLastId,
    commandsMax: 2,
    message:
      /^restored from the snapshot after command 1, the machine returns 1 for command 2, but 2 without a restart/,
  },
  {
    bug: 'the last id is computed from the jobs that are left',
    machine: LosesLastId,
    commandsMax: 3,
    message:
      /^after command 3, a new machine restored from the snapshot .*"lastId":\d.* has a different snapshot, .*"lastId":\d.*: restore\(\) must replace the whole state/,
  },
  {
    bug: 'a cache of the module',
    machine: ModuleCache,
    commandsMax: 30,
    options: { logs: 40 },
    message:
      /^command \d+ returns "no such job" and \{"payload":"p"\} on two new machines that applied the same commands\. It depends on what other machines did before: keep all state in fields of the machine[\s\S]*could not be shrunk/,
  },
  { bug: 'state in a variable of the module', machine: ModuleState, commandsMax: 2, message: OUTSIDE },
  { bug: 'ids from a counter of the module', machine: ModuleIds, commandsMax: 1, message: OUTSIDE },
  {
    bug: 'a stored Date.now in the state',
    machine: CapturedClock,
    commandsMax: 2,
    message: CLOCK,
    options: { allow: ['time'] },
  },
  {
    bug: 'a stored Date.now in results',
    machine: CapturedClockInResults,
    commandsMax: 1,
    message: CLOCK,
    options: { allow: ['time'] },
  },
  {
    bug: 'a stored Date.now in restore()',
    machine: CapturedClockInRestore,
    commandsMax: 0,
    message: CLOCK,
    options: { allow: ['time'] },
  },
  {
    bug: 'a stored performance.now',
    machine: CapturedPerformance,
    commandsMax: 1,
    message: CLOCK,
    options: { allow: ['time'] },
  },
  {
    bug: 'a stored Math.random',
    machine: CapturedRandom,
    commandsMax: 1,
    options: { allow: ['randomness'] },
    message: /^[^\n]* apply\(\) must be deterministic: look for input .* such as a random number/,
  },
  {
    bug: 'a cache that all machines of a process share',
    machine: ModuleCacheOfAll,
    commandsMax: 30,
    options: {
      logs: 20,
      childProcess: { module: new URL('./planted-bugs.ts', import.meta.url).href, machine: 'ModuleCacheOfAll' },
    },
    message: /^[^\n]* in this process and .* in a child process.* such as a variable of the module/,
  },
  {
    bug: 'two owners of a lock, with an invariant',
    machine: TwoOwners,
    commandsMax: 2,
    options: { invariant: hasOneOwnerPerLock },
    message: /^after command 2 the invariant does not hold: invariant\(\) returned false\n/,
  },
  {
    bug: 'anyone may unlock, with a reference model',
    machine: WrongOwner,
    commandsMax: 2,
    options: { model: () => new JobQueue() },
    message: /^command \d returns (true|false), but "not yours" on the reference model/,
  },
  {
    bug: 'reads a file',
    machine: ReadsFile,
    commandsMax: 1,
    message: /^apply\(\) of command 1 calls fs\.readFileSync\(\)\. /,
  },
  {
    bug: 'runs a program',
    machine: RunsProcess,
    commandsMax: 1,
    message: /^apply\(\) of command 1 calls child_process\.execFileSync\(\)\. /,
  },
  {
    bug: 'reads the host name',
    machine: ReadsHostName,
    commandsMax: 1,
    message: /^apply\(\) of command 1 calls os\.hostname\(\)\. /,
  },
  {
    bug: 'reads the process id',
    machine: ReadsProcessId,
    commandsMax: 1,
    message: /^apply\(\) of command 1 reads process\.pid\. /,
  },
  {
    bug: 'reads an environment variable',
    machine: ReadsEnvironment,
    commandsMax: 1,
    message: /^apply\(\) of command 1 reads process\.env\.LOCK_PREFIX\. /,
  },
  {
    bug: 'unlocks by a timer',
    machine: SetsTimer,
    commandsMax: 1,
    message: /^apply\(\) of command 1 calls setTimeout\(\)\. /,
  },
  {
    bug: 'sends a request',
    machine: SendsRequest,
    commandsMax: 1,
    message: /^apply\(\) of command 1 calls fetch\(\)\. /,
  },
]
