/** What a machine version is, and its errors: a command that not every node can apply yet, and a machine that cannot apply what the others do. */
import { RaftError } from '../errors.ts'

export function isMachineVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

export function machineTooOldError(version: number, supported: number, what: string): RaftError {
  return new RaftError(
    'ERR_RAFT_MACHINE_TOO_OLD',
    `${what} needs machine version ${version}, and the state machine of this node supports ${supported} at most`,
    {
      hint: 'start this node with a release of the program whose state machine supports that version: the other nodes have raised it',
      details: { machineVersion: version, supported },
    },
  )
}

export function commandTooNewError(needed: number, machineVersion: number): RaftError {
  return new RaftError(
    'ERR_RAFT_COMMAND_TOO_NEW',
    `the proposal was not started: the command needs machine version ${needed}, and ${machineVersion} is in force`,
    {
      hint: 'propose it again once every member runs a release that supports it; quorate version --cluster shows who does not',
      details: { needed, machineVersion },
    },
  )
}
