/** All properties that runs are checked for. */
import { autopilotSafety } from './autopilot-safety.ts'
import { changeFeed } from './change-feed.ts'
import { committedImmutable } from './committed-immutable.ts'
import { committedOnQuorum } from './committed-on-quorum.ts'
import { corruptionSafety } from './corruption-safety.ts'
import { electionSafety } from './election-safety.ts'
import { exactlyOnce } from './exactly-once.ts'
import { expectedTerm } from './expected-term.ts'
import { freshReads } from './fresh-reads.ts'
import { leaderAppendOnly } from './leader-append-only.ts'
import { leaderCompleteness } from './leader-completeness.ts'
import { linearizableReads } from './linearizable-reads.ts'
import { LIVENESS } from './liveness.ts'
import { logMatching } from './log-matching.ts'
import { logRepair } from './log-repair.ts'
import { membershipSafety } from './membership-safety.ts'
import { monotonic } from './monotonic.ts'
import { noDisruption } from './no-disruption.ts'
import { noDivergence } from './no-divergence.ts'
import { noLostAcknowledgement } from './no-lost-acknowledgement.ts'
import { persistBeforeSend } from './persist-before-send.ts'
import type { Property } from './property.ts'
import { stateMachineSafety } from './state-machine-safety.ts'
import { statesAgree } from './states-agree.ts'
import { transferEnds } from './transfer-ends.ts'
import { voteOnce } from './vote-once.ts'

export type PropertyName =
  | 'electionSafety'
  | 'voteOnce'
  | 'logMatching'
  | 'leaderAppendOnly'
  | 'stateMachineSafety'
  | 'leaderCompleteness'
  | 'monotonic'
  | 'committedImmutable'
  | 'committedOnQuorum'
  | 'noLostAcknowledgement'
  | 'exactlyOnce'
  | 'corruptionSafety'
  | 'persistBeforeSend'
  | 'membershipSafety'
  | 'linearizableReads'
  | 'freshReads'
  | 'expectedTerm'
  | 'changeFeed'
  | 'autopilotSafety'
  | 'noDivergence'
  | 'statesAgree'
  | 'noDisruption'
  | 'logRepair'
  | 'transferEnds'

/** In the order in which they are checked. The last two are liveness properties with a bound. */
const PROPERTIES_BY_NAME: Readonly<Record<PropertyName, Property>> = {
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
  exactlyOnce,
  corruptionSafety,
  persistBeforeSend,
  membershipSafety,
  linearizableReads,
  freshReads,
  expectedTerm,
  changeFeed,
  autopilotSafety,
  noDivergence,
  statesAgree,
  noDisruption,
  logRepair,
  transferEnds,
}

/** Every property that is checked at each observation. */
export const ALL_PROPERTIES: readonly Property[] = Object.values(PROPERTIES_BY_NAME)

/**
 * Each property by name, for the `properties` option of `simulate`, `replayRun` and `checkRecording`. `all` lists them in the order
 * in which they are checked, which is the default of that option. `liveness` describes those that are checked once, at the end of a
 * run.
 */
export const properties: Readonly<Record<PropertyName, Property>> & {
  readonly all: readonly Property[]
  readonly liveness: typeof LIVENESS
} = { ...PROPERTIES_BY_NAME, all: ALL_PROPERTIES, liveness: LIVENESS }
