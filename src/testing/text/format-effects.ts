/** Formats effects as one line each, for scenarios and traces. An entry is written index@term. */
import type { Effects, Rejection, Settlement } from '../../core/effects.ts'
import type { RaftEvent } from '../../core/events.ts'
import type { NodeId } from '../../core/types.ts'
import { formatBlocks, formatMembership } from './format-message.ts'

/** One line per effect that matters to a reader. Messages are printed when they arrive instead. */
export function formatEffects(node: NodeId, effects: Effects): string[] {
  const lines: string[] = []
  const { persist } = effects
  for (const event of effects.events) {
    const words = formatEvent(event)
    if (words !== undefined) lines.push(`  ${node} ${words}`)
  }
  if (persist?.snapshot?.resetLog === true) lines.push(`  ${node} replaces its log by the snapshot`)
  if (persist?.truncateAfter !== undefined) lines.push(`  ${node} truncates its log after ${persist.truncateAfter}`)
  if (persist !== undefined && persist.blocks.length > 0) lines.push(`  ${node} writes ${formatBlocks(persist.blocks)}`)
  if (persist?.compactTo !== undefined) lines.push(`  ${node} compacts its log to ${persist.compactTo}`)
  if (effects.install !== undefined)
    lines.push(`  ${node} installs the snapshot ${effects.install.index}@${effects.install.term}`)
  if (effects.apply !== undefined) lines.push(`  ${node} applies ${formatRange(effects.apply)}`)
  if (effects.fetch !== undefined)
    lines.push(
      `  ${node} fetches the snapshot ${effects.fetch.snapshot.index}@${effects.fetch.snapshot.term} from ${effects.fetch.from}`,
    )
  if (effects.takeSnapshot) lines.push(`  ${node} is asked for a snapshot`)
  for (const settlement of effects.settle) lines.push(`  ${node} ${formatSettlement(settlement)}`)
  return lines
}

function formatRange({ from, to }: { readonly from: number; readonly to: number }): string {
  return to === from + 1 ? `${from}` : `${from}-${to - 1}`
}

function formatSettlement(settlement: Settlement): string {
  switch (settlement.type) {
    case 'accepted':
      return `accepts proposal ${settlement.proposal} at ${settlement.first}@${settlement.term}`
    case 'rejected':
      return `rejects proposal ${settlement.proposal}: ${formatRejection(settlement.rejection)}`
    case 'proposalUnknown':
      return `cannot tell what becomes of proposal ${settlement.proposal}`
    case 'readReady':
      return `may answer read ${settlement.read} once applied up to ${settlement.index}`
    case 'readRejected':
      return `rejects read ${settlement.read}: ${formatRejection(settlement.rejection)}`
    case 'changeAccepted':
      return `accepts change ${settlement.request} at ${settlement.index}@${settlement.term}`
    case 'changeRejected':
      return `rejects change ${settlement.request}: ${formatRejection(settlement.rejection)}`
    case 'changeDone':
      return `is done with change ${settlement.request} at ${settlement.index}`
    case 'changeUnknown':
      return `cannot tell what becomes of change ${settlement.request}`
    case 'transferred':
      return `has handed leadership over (${settlement.request})`
    case 'transferUnknown':
      return `cannot tell whether transfer ${settlement.request} to ${settlement.to} still succeeds`
    case 'transferRejected':
      return `rejects transfer ${settlement.request}: ${formatRejection(settlement.rejection)}`
  }
}

function formatRejection(rejection: Rejection): string {
  switch (rejection.reason) {
    case 'not-leader':
    case 'no-leader':
    case 'leadership-lost':
      return `${rejection.reason}${rejection.leader === undefined ? '' : ` (${rejection.leader} leads)`}`
    case 'transferring':
      return `transferring to ${rejection.to}`
    case 'overloaded':
      return `overloaded (${rejection.limit} ${rejection.value} of ${rejection.max})`
    case 'change-in-progress':
      return `change-in-progress at ${rejection.index}`
    case 'membership-changed':
      return `membership-changed at ${rejection.index}`
    case 'learner-not-ready':
      return `learner-not-ready (${rejection.peer} lags by ${rejection.lag})`
    case 'unfit-target':
      return `unfit-target (${rejection.unfit.map(({ peer }) => peer).join(', ')})`
    case 'bad-change':
    case 'unsafe-change':
    case 'bad-target':
    case 'stopped':
      return `${rejection.reason} (${rejection.detail})`
    default:
      return rejection.reason
  }
}

/** Undefined for events that a message or write already shows. */
function formatEvent(event: RaftEvent): string | undefined {
  switch (event.type) {
    case 'preVoteStarted':
      return `asks whether it could win term ${event.term}`
    case 'campaignStarted':
      return `campaigns in term ${event.term}`
    case 'becameLeader':
      return `leads term ${event.term}`
    case 'becameFollower':
      return `is a follower of term ${event.term}`
    case 'steppedDown':
      return `steps down from term ${event.term}: ${event.reason}`
    case 'paused':
      return `was away for ${event.pausedMs} ms`
    case 'clockCoarse':
      return `is stepped only every ${event.intervalMs} ms`
    case 'changeQueued':
      return `queues the change ${event.request}`
    case 'membershipAdopted':
      return `goes by the membership ${formatMembership(event.membership)} of ${event.index}`
    case 'membershipReverted':
      return `goes back to the membership ${formatMembership(event.membership)} of ${event.index}`
    case 'membershipCommitted':
      return `commits the membership ${formatMembership(event.membership)} of ${event.index}`
    case 'removed':
      return `is removed by ${event.index}`
    case 'toldRemoved':
      return `is told by ${event.by} that it is removed`
    case 'transferGivenUp':
      return `gives up the transfer to ${event.to}`
    case 'followerCaughtUp':
      return `sees that ${event.peer} has caught up`
    case 'storageStalled':
      return `has waited ${event.stalledMs} ms for its disk`
    case 'storageFailed':
      return `stops: ${event.reason}`
    case 'diverged':
      if (event.chains !== undefined)
        return `stops: entries ${event.agreedIndex + 1} to ${event.index} have other contents on ${event.from}`
      return `stops: entry ${event.index}@${event.ownTerm} is committed, but ${event.from} has it in term ${event.leaderTerm}`
    case 'stateDiffers':
      return `sees that ${event.peer} has another state after ${event.index}`
    case 'stateAgrees':
      return `sees that ${event.peer} has the same state again`
    case 'otherState':
      return `stops: it has another state after ${event.index} than a quorum`
    case 'acknowledgementLost':
      return `distrusts ${event.peer}: it acknowledged ${event.acknowledged} and no longer has ${event.missing}`
    case 'termJumpLimited':
      return `raises its term to ${event.term} only: ${event.from} claims ${event.claimed}`
    case 'protocolViolation':
      return `ignores ${event.from}: ${event.detail}`
    default:
      return undefined
  }
}
