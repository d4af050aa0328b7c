/** All promises that are judged at every step together, and the watch that judges a run by them. */
import { ClusterView } from './cluster-view.ts'
import { committedImmutable } from './committed-immutable.ts'
import { committedOnQuorum } from './committed-on-quorum.ts'
import { corruptionSafety } from './corruption-safety.ts'
import { electionSafety } from './election-safety.ts'
import { leaderAppendOnly } from './leader-append-only.ts'
import { leaderCompleteness } from './leader-completeness.ts'
import { linearizableReads } from './linearizable-reads.ts'
import { logMatching } from './log-matching.ts'
import { logRepair } from './log-repair.ts'
import { membershipSafety } from './membership-safety.ts'
import { monotonic } from './monotonic.ts'
import { noDisruption } from './no-disruption.ts'
import { noLostAcknowledgement } from './no-lost-acknowledgement.ts'
import type { Observation } from './observation.ts'
import { persistBeforeSend } from './persist-before-send.ts'
import type { Property, PropertyCheck } from './property.ts'
import { PropertyViolation } from './property.ts'
import { stateMachineSafety } from './state-machine-safety.ts'
import { transferEnds } from './transfer-ends.ts'
import { voteOnce } from './vote-once.ts'

/** In the order of their numbers; the last two are of liveness, and yet a step can break them. */
export const SAFETY: readonly Property[] = [
  electionSafety,
  voteOnce,
  logMatching,
  leaderAppendOnly,
  stateMachineSafety,
  leaderCompleteness,
  monotonic,
  committedImmutable,
  committedOnQuorum,
  noLostAcknowledgement,
  corruptionSafety,
  persistBeforeSend,
  membershipSafety,
  linearizableReads,
  noDisruption,
  logRepair,
  transferEnds,
]

/** Judges one run as it happens: throws BrokenPromise at the observation that breaks a promise. */
export class PropertyMonitor {
  readonly view: ClusterView = new ClusterView()
  readonly #checks: readonly { readonly property: Property; readonly judge: PropertyCheck }[]

  constructor(properties: readonly Property[] = SAFETY) {
    this.#checks = properties.map((property) => ({ property, judge: property.watch(this.view) }))
  }

  observe(observation: Observation): void {
    this.view.observe(observation)
    for (const { property, judge: check } of this.#checks) {
      const detail = check(observation)
      if (detail !== undefined) throw new PropertyViolation(property, detail)
    }
  }
}
