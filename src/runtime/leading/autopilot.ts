/** Removes voters that have been dead for long: by the leader, if enough others remain, or in exchange for a learner that is ready. */
import type { Clock } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId, Term } from '../../core/types.ts'
import { errorMessage } from '../../platform/error-message.ts'
import type { MembershipCalls } from '../membership-calls.ts'
import { pauseFor } from './pause.ts'

/** How often a leader looks, as a part of the time after which a voter counts as dead. */
const CHECKS = 10

export interface AutopilotOptions {
  readonly autopilotDeadMs: number
  readonly autopilotVotersMin: number
}

export interface AutopilotParts {
  readonly options: AutopilotOptions
  readonly status: () => RaftStatus
  readonly change: MembershipCalls['change']
  readonly clock: Clock
  readonly emit: (event: RuntimeEvent) => void
}

/** A voter to remove, and the learner that takes its place if there are not enough voters without it. */
interface Replacement {
  readonly dead: NodeId
  readonly by: NodeId | undefined
}

export class Autopilot {
  readonly #parts: AutopilotParts

  constructor(parts: AutopilotParts) {
    this.#parts = parts
  }

  /** The work of a leader. One change at a time, and only to the membership that was looked at. */
  async run(_: Term, signal: AbortSignal): Promise<void> {
    const { options, clock, status } = this.#parts
    const startedAt = clock.now()
    while (!signal.aborted) {
      await pauseFor(options.autopilotDeadMs / CHECKS, clock, signal)
      if (signal.aborted) return
      const current = status()
      const replacement = findReplacement(current, clock.now() - startedAt, options)
      if (replacement !== undefined) await this.#replace(replacement, current.membershipIndex, signal)
    }
  }

  async #replace({ dead, by }: Replacement, ifIndex: number, signal: AbortSignal): Promise<void> {
    const { change, emit } = this.#parts
    const promote = by === undefined ? [] : [by]
    try {
      await change({ remove: [dead], promote, ifIndex }, { signal })
      emit({ type: 'deadMemberRemoved', peer: dead, replacedBy: by })
    } catch (error) {
      // It looks again at the next check: the membership may have changed, or the learner may not be ready.
      if (!signal.aborted) emit({ type: 'deadMemberKept', peer: dead, reason: errorMessage(error) })
    }
  }
}

/** `leadingMs` is how long this node leads: a voter that has not responded since then has been silent for at least as long. */
export function findReplacement(
  { membership, isMembershipCommitted, peers }: Pick<RaftStatus, 'membership' | 'isMembershipCommitted' | 'peers'>,
  leadingMs: number,
  { autopilotDeadMs, autopilotVotersMin }: AutopilotOptions,
): Replacement | undefined {
  const { voters, outgoing, learners } = membership
  if (!isMembershipCommitted || outgoing.length > 0) return undefined
  const silences = peers.map(({ id, silentMs }) => ({ id, silentMs: silentMs ?? leadingMs }))
  const [longest] = silences
    .filter(({ id, silentMs }) => voters.includes(id) && silentMs >= autopilotDeadMs)
    .sort((one, other) => other.silentMs - one.silentMs)
  if (longest === undefined) return undefined
  const dead = longest.id
  if (voters.length - 1 >= autopilotVotersMin) return { dead, by: undefined }
  // A learner that waits to be promoted becomes a voter by itself, and then the dead one is not needed.
  const spares = peers.filter(({ id, isReplicating, silentMs }) => {
    const isSpare = learners.includes(id) && !membership.members.some((member) => member.id === id && member.promote)
    return isSpare && isReplicating && (silentMs ?? Infinity) < autopilotDeadMs
  })
  const [spare] = spares.sort((one, other) => other.matchIndex - one.matchIndex)
  return spare === undefined ? undefined : { dead, by: spare.id }
}
