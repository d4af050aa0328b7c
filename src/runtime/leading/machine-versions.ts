/** The machine version: who supports which, what is rejected until it is in force, and how the leader raises it. */
import type { Clock } from '../../contracts/clock.ts'
import type { MachineVersions } from '../../contracts/node-service.ts'
import type { StateMachine } from '../../contracts/state-machine.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId, Term } from '../../core/types.ts'
import { commandTooNewError, isMachineVersion } from '../../sessions/machine-version.ts'
import type { SessionMachine } from '../../sessions/session-machine.ts'
import { notStartedError } from '../calls/rejections.ts'
import type { PeerAdmission } from '../peers/peer-admission.ts'
import { pauseFor } from './pause.ts'

/** How often a leader looks whether the version can be raised, while its own machine supports a higher one. */
const CHECK_INTERVAL_MS = 500

export interface MachineVersionParts<Command> {
  readonly id: NodeId
  readonly machine: Pick<StateMachine<Command>, 'commandVersion'>
  readonly applied: Pick<SessionMachine<Command, unknown>, 'machineVersion' | 'supportedVersion'>
  readonly admission: Pick<PeerAdmission, 'machineVersions'>
  readonly status: () => RaftStatus
  /** Appends the entry, if this node still leads in the term. Resolves once it is applied. */
  readonly raise: (version: number, term: Term, signal: AbortSignal) => Promise<unknown>
  readonly clock: Clock
}

export class MachineVersionControl<Command> {
  readonly #parts: MachineVersionParts<Command>

  constructor(parts: MachineVersionParts<Command>) {
    this.#parts = parts
  }

  get versions(): MachineVersions {
    const { applied, admission } = this.#parts
    return { inForce: applied.machineVersion, supported: applied.supportedVersion, peers: admission.machineVersions }
  }

  /** Throws ERR_RAFT_COMMAND_TOO_NEW. What is in force here may be older than on the leader, and is never newer. */
  assertInForce(command: Command): void {
    const { machine, applied } = this.#parts
    if (machine.commandVersion === undefined) return
    const needed = versionNeeded(() => machine.commandVersion?.(command))
    if (needed > applied.machineVersion) throw commandTooNewError(needed, applied.machineVersion)
  }

  /** The work of a leader: raises the version as soon as every member supports a higher one. */
  async raise(term: Term, signal: AbortSignal): Promise<void> {
    const { applied, raise, clock } = this.#parts
    while (!signal.aborted && applied.machineVersion < applied.supportedVersion) {
      const version = this.#supportedByAll()
      // It may fail, for instance for lack of disk space; then it is tried again.
      const isRaised = version > applied.machineVersion && (await raise(version, term, signal).then(succeeded, failed))
      if (!isRaised) await pauseFor(CHECK_INTERVAL_MS, clock, signal)
    }
  }

  /**
   * The newest version that every member supports; 0 if that is not known of one. The membership need not be committed: the entry that raises
   * the version follows it in the log.
   */
  #supportedByAll(): number {
    const { id, applied, admission, status } = this.#parts
    const supported = new Map(admission.machineVersions.map((peer) => [peer.id, peer.supported]))
    supported.set(id, applied.supportedVersion)
    return Math.min(...status().membership.members.map((member) => supported.get(member.id) ?? 0))
  }
}

const succeeded = (): boolean => true
const failed = (): boolean => false

/** Throws ERR_RAFT_BAD_MESSAGE if the machine does not say a version: the command must not enter the log. */
function versionNeeded(ask: () => unknown): number {
  let version: unknown
  try {
    version = ask()
  } catch (cause) {
    throw badVersionError(`commandVersion() threw: ${String(cause)}`, cause)
  }
  if (!isMachineVersion(version)) throw badVersionError(`commandVersion() returned ${String(version)}`)
  return version
}

function badVersionError(why: string, cause?: unknown): Error {
  return notStartedError('proposal', `${why}, and a version is a whole number from 1 on`, 'ERR_RAFT_BAD_MESSAGE', cause)
}
