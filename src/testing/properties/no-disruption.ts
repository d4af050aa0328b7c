/** No disruption (thesis §4.2.3, §9.6): a node that hears from its leader ignores candidates, such as removed or isolated nodes. */
import type { Input } from '../../core/inputs.ts'
import type { Outgoing } from '../../core/messages.ts'
import type { Instant, NodeId } from '../../core/types.ts'
import type { NodeView } from './cluster-view.ts'
import type { Observation } from './observation.ts'
import type { Property } from './property.ts'

type Step = Observation & { readonly type: 'stepped' }

/** The last message from a leader. */
interface LeaderContact {
  readonly leader: NodeId
  readonly at: Instant
}

export const noDisruption: Property = {
  id: 'I17',
  name: 'no disruption',
  statement:
    'With pre-vote and check-quorum, a node that hears from its leader grants no pre-vote, and follows a candidate into a higher term only if that candidate received TimeoutNow.',
  observes: ['started', 'stepped'],
  watch(view) {
    const lastContact = new Map<NodeId, LeaderContact>()
    return (observation) => {
      if (observation.type === 'started') lastContact.delete(observation.node)
      if (observation.type !== 'stepped' || observation.now === undefined) return undefined
      const { node, now, inputs, status } = observation
      const violation = findDisruption(observation, view.node(node), lastContact.get(node))
      for (const input of inputs)
        if (isAppendFromLeader(input, status.leader, status.term))
          lastContact.set(node, { leader: status.leader as NodeId, at: now })
      return violation
    }
  },
}

function findDisruption(
  step: Step,
  { settings, before }: NodeView,
  lastContact: LeaderContact | undefined,
): string | undefined {
  const { node, inputs, effects, status, now = 0 } = step
  if (settings === undefined || !settings.preVote || !settings.checkQuorum || before?.leader === undefined)
    return undefined
  const isFresh = lastContact?.leader === before.leader && now - lastContact.at < settings.electionTimeoutMinMs
  if (before.role !== 'leader' && !isFresh) return undefined
  const { leader } = before
  if (status.term > before.term) {
    const higher = inputs.filter((input) => hasHigherTerm(input, before.term))
    // A leader that stepped down in this step for another reason may follow any candidate.
    const hasSteppedDown = effects.events.some(
      (event) => event.type === 'steppedDown' && event.reason !== 'higher-term',
    )
    if (higher.length > 0 && higher.every(isUnsolicitedCandidate) && !hasSteppedDown)
      return `${node}, which hears from ${leader} in term ${before.term}, followed a candidate into term ${status.term}.`
  }
  if (status.term !== before.term || status.leader !== leader) return undefined
  const grant = effects.send.find(isGrantedPreVote) ?? effects.persist?.then.find(isGrantedPreVote)
  if (grant === undefined) return undefined
  return `${node}, which hears from ${leader} in term ${before.term}, granted a pre-vote to ${grant.to}.`
}

function isGrantedPreVote({ message }: Outgoing): boolean {
  return message.type === 'PreVoteResponse' && message.isGranted
}

function isAppendFromLeader(input: Input, leader: NodeId | undefined, term: number): boolean {
  if (input.type !== 'receive' || input.from !== leader) return false
  return input.message.type === 'AppendEntriesRequest' && input.message.term === term
}

function hasHigherTerm(input: Input, term: number): boolean {
  if (input.type !== 'receive' || input.message.term <= term) return false
  return (
    input.message.type !== 'PreVoteRequest' && !(input.message.type === 'PreVoteResponse' && input.message.isGranted)
  )
}

function isUnsolicitedCandidate(input: Input): boolean {
  return input.type === 'receive' && input.message.type === 'RequestVoteRequest' && !input.message.isTransfer
}
