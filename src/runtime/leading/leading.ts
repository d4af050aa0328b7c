/** What a node does while it leads, besides replicating the log: the work of its users, the machine version, the preferred leader and the autopilot. */
import type { Clock } from '../../contracts/clock.ts'
import type { NodeEvent } from '../../contracts/observer.ts'
import type { StateMachine } from '../../contracts/state-machine.ts'
import type { SessionMachine } from '../../sessions/session-machine.ts'
import type { LeadershipTransfer } from '../leadership-transfer.ts'
import type { MembershipCalls } from '../membership-calls.ts'
import type { RuntimeOptions } from '../options.ts'
import type { PeerAdmission } from '../peers/peer-admission.ts'
import type { Driver } from '../pipeline/driver.ts'
import type { ProposalCalls } from '../proposal-calls.ts'
import type { ReadCalls } from '../read-calls.ts'
import { Autopilot } from './autopilot.ts'
import { LeaderPreference } from './leader-preference.ts'
import { LeaderTasks } from './leader-tasks.ts'
import { MachineVersionControl } from './machine-versions.ts'

export interface LeadingParts<Command> {
  readonly id: string
  readonly options: RuntimeOptions
  readonly machine: Pick<StateMachine<Command>, 'commandVersion'>
  readonly applied: Pick<SessionMachine<Command, unknown>, 'machineVersion' | 'supportedVersion'>
  readonly admission: PeerAdmission
  readonly driver: Pick<Driver, 'status'>
  readonly clock: Clock
  readonly emit: (event: NodeEvent) => void
  readonly readCalls: Pick<ReadCalls, 'read'>
  readonly proposalCalls: Pick<ProposalCalls<unknown>, 'raiseMachineVersion'>
  readonly membershipCalls: Pick<MembershipCalls, 'change'>
  readonly leadershipTransfer: Pick<LeadershipTransfer, 'transfer'>
}

export class Leading<Command> {
  readonly tasks: LeaderTasks
  readonly machineVersions: MachineVersionControl<Command>
  readonly preference: LeaderPreference

  constructor(parts: LeadingParts<Command>) {
    const { id, options, machine, applied, admission, driver, clock, emit } = parts
    const { readCalls, proposalCalls, membershipCalls, leadershipTransfer } = parts
    const status = () => driver.status()
    const tasks = new LeaderTasks({ clock, emit, confirm: () => readCalls.read(() => undefined) })
    this.tasks = tasks
    this.machineVersions = new MachineVersionControl({
      ...{ id, machine, applied, admission, clock, status },
      raise: (version, term, signal) => proposalCalls.raiseMachineVersion(version, term, signal),
    })
    this.preference = new LeaderPreference({
      ...{ options, admission, clock, emit, status },
      transfer: (to) => leadershipTransfer.transfer(to, {}),
      addTask: (work) => tasks.add(work),
    })
    // The version in force when a node becomes leader is that of its log: it has applied its own no-op.
    if (applied.supportedVersion > 1) tasks.add((term, signal) => this.machineVersions.raise(term, signal))
    if (options.autopilotDeadMs === 0) return
    const change: MembershipCalls['change'] = (wanted, callOptions) => membershipCalls.change(wanted, callOptions)
    const autopilot = new Autopilot({ options, clock, emit, status, change })
    tasks.add((term, signal) => autopilot.run(term, signal))
  }
}
