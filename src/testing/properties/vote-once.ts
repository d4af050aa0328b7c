/** Voting (§5.2): each node votes for at most one candidate in a term, even across restarts. */
import type { NodeId, Term } from '../../core/types.ts'
import type { Property } from './property.ts'

export const voteOnce: Property = {
  id: 'I2',
  name: 'vote once',
  statement: 'A node votes for at most one candidate in any term, even across restarts. A candidate votes for itself.',
  observes: ['durable', 'rolledBack', 'sent', 'stepped', 'wiped'],
  watch(view) {
    const votes = new Map<NodeId, Map<Term, NodeId>>()
    const vote = (voter: NodeId, term: Term, candidate: NodeId): string | undefined => {
      const votesOfNode = votes.get(voter) ?? new Map<Term, NodeId>()
      votes.set(voter, votesOfNode)
      const earlier = votesOfNode.get(term)
      if (earlier !== undefined && earlier !== candidate)
        return `${voter} voted for ${earlier} and for ${candidate} in term ${term}.`
      votesOfNode.set(term, candidate)
      return undefined
    }
    const forgetful = new Set<NodeId>()
    return (observation) => {
      if (observation.type === 'wiped' || observation.type === 'rolledBack') forgetful.add(observation.node)
      if (observation.type === 'stepped') {
        const { node, status } = observation
        const { before } = view.node(node)
        if (before?.term !== status.term || before.votedFor === undefined) return undefined
        if (before.votedFor === status.votedFor) return undefined
        return `${node} changed its vote in term ${status.term} from ${before.votedFor} to ${status.votedFor}.`
      }
      // A vote counts once it is durable or sent: before that, a crash undoes it.
      // A node whose disk was wiped or rolled back may write a vote or campaign; only a vote that it grants counts. Other nodes ignore its requests
      // until it is removed.
      if (observation.type === 'durable') {
        if (forgetful.has(observation.node)) return undefined
        const { hardState } = observation.write
        return hardState?.votedFor === undefined
          ? undefined
          : vote(observation.node, hardState.term, hardState.votedFor)
      }
      if (observation.type !== 'sent') return undefined
      const { from, to, message } = observation
      if (message.type === 'RequestVoteRequest') return forgetful.has(from) ? undefined : vote(from, message.term, from)
      if (message.type === 'RequestVoteResponse' && message.isGranted) return vote(from, message.term, to)
      return undefined
    }
  },
}
